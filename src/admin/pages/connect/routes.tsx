/** The routes of signing in: one form per step. */
import { Hono } from "hono";
import * as z from "zod/mini";
import type { Step } from "../../../accounts/sign-in/sign-in.ts";
import { isLoopback } from "../../../config.ts";
import { decodeBody } from "../../../http/json-body.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import { retryAfterSeconds } from "../../actions/sign-in.ts";
import { oauthCompleteBody, oauthStartBody } from "../../api/schemas.ts";
import type { FormError } from "../../ui/form-error.ts";
import { showPanel } from "../../ui/panel.tsx";
import {
  fieldsOf,
  filled,
  type Outcome,
  type PageContext,
  type PageDeps,
  type PageEnv,
  perform,
} from "../context.ts";
import { missing } from "../error-page.tsx";
import { hasWorkingKey } from "../keys/choice.ts";
import { ConnectPanel, mustChoose, OWN_KEY, type PendingSignIn, SignInPanel, signInError } from "./page.tsx";
import { ConnectedPanel, EndedPanel } from "./result.tsx";

const optionalNumber = z.pipe(
  z.string().check(z.regex(/^\d{0,6}$/)),
  z.transform((value) => (value === "" ? undefined : Number(value))),
);

/** The hidden fields that carry a sign-in from step to step. `url` becomes a link, so it must be a web address. */
const hiddenFields = z.object({
  state: z.string().check(z.minLength(1), z.maxLength(500)),
  url: z.string().check(z.refine(isWebAddress)),
  user_code: z.pipe(
    z.string(),
    z.transform((value) => value || undefined),
  ),
  method: z.enum(["device", "paste"]),
  expires_at: z.pipe(z.string().check(z.regex(/^\d{1,15}$/)), z.transform(Number)),
  interval: optionalNumber,
});

export function createConnectPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const providerOf = (c: PageContext) =>
    deps.providers.find(({ id, signIn }) => id === c.req.param("provider") && signIn !== undefined);

  app.get("/:provider", (c) => {
    const provider = providerOf(c);
    if (provider === undefined) return missing(c, "page");
    return showPanel(c, "accounts", `Connect ${provider.name}`, <ConnectPanel provider={provider} />);
  });

  app.post("/:provider/start", async (c) => {
    const provider = providerOf(c);
    if (provider === undefined) return missing(c, "page");
    const { mode, enterprise_domain } = await fieldsOf(c);
    if (mode === OWN_KEY) return c.redirect(`/admin/page/import?kind=api_key&provider=${provider.id}`, 303);
    if (mustChoose(provider) && !mode) {
      const error = { text: "Choose how to sign in first.", field: "mode" };
      const panel = <ConnectPanel provider={provider} error={error} />;
      return showPanel(c, "accounts", `Connect ${provider.name}`, panel);
    }
    const outcome = await perform(deps, c, "POST /admin/accounts/:provider/oauth/start", (audit) => {
      const options = decodeBody(oauthStartBody, filled({ mode, enterprise_domain }));
      return deps.actions.signIn.start(provider.id, options, c.env?.local === true, audit);
    });
    const title = `Connect ${provider.name}`;
    if (!outcome.ok) {
      const panel = (
        <ConnectPanel
          provider={provider}
          mode={mode}
          domain={enterprise_domain}
          error={signInError(outcome.error, provider)}
        />
      );
      return showPanel(c, "accounts", title, panel);
    }
    return showSignIn(c, provider, { ...outcome.value, provider: provider.id });
  });

  for (const step of ["check", "finish"] as const) {
    app.post(`/:provider/${step}`, async (c) => {
      const provider = providerOf(c);
      if (provider === undefined) return missing(c, "page");
      const fields = await fieldsOf(c);
      const hidden = hiddenFields.safeParse(fields);
      if (!hidden.success) return missing(c, "page");
      const pending = pendingSignIn(provider, hidden.data);
      const code = step === "finish" ? { code: fields.code ?? "" } : {};
      const outcome = await perform(deps, c, "POST /admin/accounts/:provider/oauth/complete", (audit) => {
        const options = decodeBody(oauthCompleteBody, { state: pending.state, ...code });
        return deps.actions.signIn.complete(provider.id, options, audit);
      });
      return showStep(deps, c, provider, pending, outcome);
    });
  }
  return app;
}

async function showStep(
  deps: PageDeps,
  c: PageContext,
  provider: Provider,
  pending: PendingSignIn,
  outcome: Outcome<Step>,
): Promise<Response> {
  if (!outcome.ok) {
    const { error } = outcome;
    const isOver =
      error.param === "state" || (pending.method === "device" && error.code === "invalid_request");
    if (!isOver) return showSignIn(c, provider, pending, { error: signInError(error, provider) });
    const title = `${provider.name} is not connected`;
    return showPanel(
      c,
      "accounts",
      title,
      <EndedPanel provider={provider} text={signInError(error, provider).text} />,
    );
  }
  const step = outcome.value;
  if (step.status === "connected") return showConnected(deps, c, [step.account]);
  return showSignIn(c, provider, { ...pending, interval: retryAfterSeconds(step) }, { isAsked: true });
}

function showSignIn(
  c: PageContext,
  provider: Provider,
  pending: PendingSignIn,
  outcome: { error?: FormError; isAsked?: boolean } = {},
): Response | Promise<Response> {
  const panel = <SignInPanel provider={provider} pending={pending} now={c.get("frame").now} {...outcome} />;
  return showPanel(c, "accounts", `Connect ${provider.name}`, panel);
}

async function showConnected(
  deps: PageDeps,
  c: PageContext,
  accounts: readonly AccountRecord[],
): Promise<Response> {
  const hasKey = await hasWorkingKey(deps, c.get("frame").now);
  const panel = <ConnectedPanel providers={deps.providers} accounts={accounts} hasKey={hasKey} />;
  return showPanel(c, "accounts", "Connected", panel);
}

function pendingSignIn(provider: Provider, hidden: z.output<typeof hiddenFields>): PendingSignIn {
  const { state, url, user_code, method, expires_at, interval } = hidden;
  return { provider: provider.id, state, url, userCode: user_code, method, expiresAt: expires_at, interval };
}

function isWebAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}
