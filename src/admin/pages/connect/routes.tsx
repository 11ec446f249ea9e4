/** The routes of signing in: one form per step, over the admin API's `oauth/start` and `oauth/complete`. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { isLoopback } from "../../../config.ts";
import { isObject, text } from "../../../json.ts";
import type { Provider } from "../../../providers/provider.ts";
import type { AccountRecord } from "../../../storage/port.ts";
import type { Fault } from "../../ui/form-error.ts";
import { showPanel } from "../../ui/panel.tsx";
import {
  type ApiAnswer,
  askApi,
  fieldsOf,
  filled,
  type PageContext,
  type PageDeps,
  type PageEnv,
} from "../context.ts";
import { missing } from "../error-page.tsx";
import { hasWorkingKey } from "../keys/choice.ts";
import { type Begun, ConnectPanel, OWN_KEY, SignInPanel, signInFault } from "./page.tsx";
import { ConnectedPanel, EndedPanel } from "./result.tsx";

const startedShape = z.object({
  state: z.string(),
  url: z.string(),
  user_code: z.optional(z.string()),
  method: z.enum(["device", "paste"]),
  expires_at: z.number(),
  interval: z.optional(z.number()),
});

const optionalNumber = z.pipe(
  z.string().check(z.regex(/^\d{0,6}$/)),
  z.transform((value) => (value === "" ? undefined : Number(value))),
);

/** The hidden fields that carry a sign-in from step to step; the address becomes a link, so it must be one. */
const carriedShape = z.object({
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

type Wire = z.output<typeof startedShape>;

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
    if (provider.signIn?.mustChoose === true && !mode) {
      const refused = { words: "Choose one of the ways first.", field: "mode" };
      const panel = <ConnectPanel provider={provider} refused={refused} />;
      return showPanel(c, "accounts", `Connect ${provider.name}`, panel);
    }
    const answer = await askApi(
      deps,
      c,
      "POST",
      `/accounts/${provider.id}/oauth/start`,
      filled({ mode, enterprise_domain }),
    );
    const title = `Connect ${provider.name}`;
    if (!answer.ok) {
      const panel = (
        <ConnectPanel
          provider={provider}
          mode={mode}
          domain={enterprise_domain}
          refused={signInFault(answer)}
        />
      );
      return showPanel(c, "accounts", title, panel);
    }
    return showSignIn(c, provider, begunOf(provider, startedShape.parse(answer.json)));
  });

  for (const step of ["check", "finish"] as const) {
    app.post(`/:provider/${step}`, async (c) => {
      const provider = providerOf(c);
      if (provider === undefined) return missing(c, "page");
      const fields = await fieldsOf(c);
      const carried = carriedShape.safeParse(fields);
      if (!carried.success) return missing(c, "page");
      const begun = begunOf(provider, carried.data);
      const code = step === "finish" ? { code: fields.code ?? "" } : {};
      const path = `/accounts/${provider.id}/oauth/complete`;
      return showStep(
        deps,
        c,
        provider,
        begun,
        await askApi(deps, c, "POST", path, { state: begun.state, ...code }),
      );
    });
  }
  return app;
}

async function showStep(
  deps: PageDeps,
  c: PageContext,
  provider: Provider,
  begun: Begun,
  answer: ApiAnswer,
): Promise<Response> {
  if (!answer.ok) {
    const isOver =
      answer.param === "state" || (begun.method === "device" && answer.code === "invalid_request");
    if (!isOver) return showSignIn(c, provider, begun, { refused: signInFault(answer) });
    const title = `${provider.name} is not connected`;
    return showPanel(
      c,
      "accounts",
      title,
      <EndedPanel provider={provider} words={signInFault(answer).words} />,
    );
  }
  if (answer.json.status !== "connected") {
    const { retry_after } = answer.json;
    const interval = typeof retry_after === "number" ? retry_after : begun.interval;
    return showSignIn(c, provider, { ...begun, interval }, { isAsked: true });
  }
  const id = isObject(answer.json.account) ? text(answer.json.account.id) : undefined;
  const account = id === undefined ? null : await deps.runtime.storage.accounts.get(id);
  return showConnected(deps, c, account === null ? [] : [account]);
}

function showSignIn(
  c: PageContext,
  provider: Provider,
  begun: Begun,
  outcome: { refused?: Fault; isAsked?: boolean } = {},
): Response | Promise<Response> {
  const panel = <SignInPanel provider={provider} begun={begun} now={c.get("frame").now} {...outcome} />;
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

function begunOf(provider: Provider, wire: Wire): Begun {
  const { state, url, user_code, method, expires_at, interval } = wire;
  return { provider: provider.id, state, url, userCode: user_code, method, expiresAt: expires_at, interval };
}

function isWebAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}
