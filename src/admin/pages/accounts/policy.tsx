/** What may happen when an account of a provider is exhausted: one form per provider, with what speaks against it. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { decodeBody } from "../../../http/json-body.ts";
import { DEFAULT_POLICY, type ProviderPolicy } from "../../../limits/policy.ts";
import type { Provider } from "../../../providers/provider.ts";
import { policyChangeBody } from "../../api/schemas.ts";
import { FormButtons, FormErrorMessage, RadioChoices } from "../../ui/forms.tsx";
import { Icon } from "../../ui/icons.tsx";
import { PATH, Panel } from "../../ui/layout.tsx";
import { showPanel } from "../../ui/panel.tsx";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, perform } from "../context.ts";
import { missing } from "../error-page.tsx";

export function createPolicyPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { policies } = deps.actions;
  const providerOf = (c: PageContext) => deps.providers.find(({ id }) => id === c.req.param("provider"));
  const show = (c: PageContext, provider: Provider, policy: ProviderPolicy, error?: string) =>
    showPanel(
      c,
      "accounts",
      "When an account is exhausted",
      <PolicyPanel provider={provider} policy={policy} error={error} />,
    );

  app.get("/:provider", async (c) => {
    const provider = providerOf(c);
    if (provider === undefined) return missing(c, "page");
    return show(c, provider, (await policies.all()).get(provider.id) ?? DEFAULT_POLICY);
  });

  app.post("/:provider", async (c) => {
    const provider = providerOf(c);
    if (provider === undefined) return missing(c, "page");
    const { failover, stop_on_extra_usage } = await fieldsOf(c);
    const stopOnExtraUsage = stop_on_extra_usage === "yes";
    const outcome = await perform(deps, c, "PATCH /admin/providers/:id", (audit) => {
      const change = { failover, stop_on_extra_usage: stopOnExtraUsage };
      return policies.change(provider.id, decodeBody(policyChangeBody, change), audit);
    });
    if (outcome.ok) return c.redirect(`${PATH.accounts}?done=policy`, 303);
    const drafted = failover === "own_accounts" ? failover : DEFAULT_POLICY.failover;
    const draft = { ...DEFAULT_POLICY, failover: drafted, stopOnExtraUsage };
    return show(c, provider, draft, outcome.error.message);
  });
  return app;
}

const CHOICES = [
  {
    value: "off",
    name: "Refuse requests until the limit ends",
    text: "Agents see when that is.",
  },
  {
    value: "own_accounts",
    name: "Another of my accounts takes over",
    text: "Requests move to your next account of this provider, once per request at most.",
  },
];

const PolicyPanel: FC<{ provider: Provider; policy: ProviderPolicy; error: string | undefined }> = ({
  provider: { id, name, failoverNotice },
  policy,
  error,
}) => (
  <Panel title={`When a ${name} account is exhausted`} back={PATH.accounts}>
    <div class="notice warn">
      <Icon name="alert" />
      <span>
        <strong>Before you let another account take over:</strong> {failoverNotice} A move also loses the
        provider’s cache for one turn, and can change who is billed.
      </span>
    </div>
    <form class="stack" method="post" action={`/admin/page/policy/${id}`}>
      <RadioChoices legend="Then" name="failover" choices={CHOICES} chosen={policy.failover} />
      <fieldset class="checks">
        <legend class="unseen">Extra usage</legend>
        <label>
          <input type="checkbox" name="stop_on_extra_usage" value="yes" checked={policy.stopOnExtraUsage} />
          <span>
            Stop before extra usage
            <small>Counts a plan as exhausted once it has begun to spend money beyond the plan.</small>
          </span>
        </label>
      </fieldset>
      <FormErrorMessage text={error} />
      <FormButtons back={PATH.accounts} send="Save" />
    </form>
  </Panel>
);
