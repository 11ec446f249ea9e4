/** The routes of the agents page: setups for agents, and testing a key with one small request. */
import { Hono } from "hono";
import type { Protocol } from "../../../protocols/protocol.ts";
import type { KeyRecord } from "../../../storage/port.ts";
import { PATH } from "../../ui/layout.tsx";
import { createConfirm } from "../confirm/routes.tsx";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, perform, render } from "../context.ts";
import { keyChoice } from "../keys/choice.ts";
import { createModelView, type ModelView } from "../models/view.ts";
import { modelsFor, protocolFor } from "./agent.ts";
import { AGENTS } from "./catalogue.ts";
import { AgentsPage } from "./page.tsx";
import { type TestResult, testRequestFor, testResultOf } from "./test-request.ts";

/** How long a test request may take, ms. */
const TEST_TIMEOUT_MS = 60_000;

/** Characters of a response that are read. */
const MAX_CHARACTERS = 200_000;

type Selection = Readonly<Record<string, string | undefined>>;

export function createAgentPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const view = createModelView(deps);
  const confirm = createConfirm(deps);

  const show = (c: PageContext, selection: Selection, options: ShowOptions = {}) =>
    showAgents(deps, view, c, selection, options);

  app.get("/", (c) => show(c, c.req.query()));
  app.post("/", async (c) => {
    const { token, ...selection } = await fieldsOf(c);
    const back = `${PATH.use}?${new URLSearchParams(selection)}`;
    const confirmation = await confirm(c, token, {
      section: "use",
      action: PATH.use,
      back,
      fields: selection,
    });
    return confirmation ?? show(c, selection, { reveals: true });
  });
  app.post("/test", async (c) => {
    const selection = await fieldsOf(c);
    // A key that was revealed stays visible only while the session could reveal it.
    const reveals = selection.revealed === "1" && (await deps.sessions.isFresh(c.req.raw));
    return show(c, selection, { reveals, sendsTest: true });
  });
  return app;
}

interface ShowOptions {
  /** Fills in the key's text. */
  readonly reveals?: boolean;
  /** Sends the test request. */
  readonly sendsTest?: boolean;
}

/** The set-up of an agent for the selected key and model. */
async function showAgents(
  deps: PageDeps,
  view: ModelView,
  c: PageContext,
  selection: Selection,
  { reveals = false, sendsTest = false }: ShowOptions,
): Promise<Response> {
  const frame = c.get("frame");
  const [{ keys, requested, isCut }, accounts] = await Promise.all([
    keyChoice(deps, frame.now, selection.key),
    deps.accountCache.list(),
  ]);
  const chosen = requested ?? keys[0];
  const agent = AGENTS.find(({ id }) => id === selection.agent) ?? AGENTS[0]!;
  const models = chosen === undefined ? [] : await view.listFor(chosen);
  const secrets =
    chosen !== undefined && (reveals || sendsTest)
      ? await secretsFor(deps, c, chosen.id, sendsTest ? "key.test" : "key.reveal")
      : null;

  const usable = modelsFor(agent, models);
  const model = usable.find(({ id }) => id === selection.model) ?? usable[0];
  const protocol = model === undefined ? undefined : protocolFor(agent, model);
  const canTest = sendsTest && secrets !== null && model !== undefined && protocol !== undefined;
  const labels = new Map(accounts.map(({ id, label }) => [id, label]));
  const testResult = canTest
    ? await sendTestRequest(deps, c, { key: secrets.key, model: model.id, protocol, labels })
    : undefined;
  return render(
    c,
    <AgentsPage
      frame={frame}
      keys={keys}
      isCut={isCut}
      chosen={chosen}
      agent={agent}
      models={models}
      wanted={selection.model}
      revealed={reveals && secrets !== null ? secrets : undefined}
      testResult={testResult}
      hasAccount={accounts.length > 0}
    />,
  );
}

async function secretsFor(deps: PageDeps, c: PageContext, id: string, action: "key.reveal" | "key.test") {
  const outcome = await perform(deps, c, "POST /admin/keys/:id/reveal", (audit) =>
    deps.actions.keys.reveal(id, audit, action),
  );
  return outcome.ok ? outcome.value : null;
}

interface TestOptions {
  readonly key: string;
  readonly model: string;
  readonly protocol: Protocol;
  /** Account id to label. */
  readonly labels: ReadonlyMap<KeyRecord["id"], string>;
}

/** Takes the same path as a client's request: key, model, account, provider. */
async function sendTestRequest(
  { runtime, sendAsAgent }: PageDeps,
  c: PageContext,
  { key, model, protocol, labels }: TestOptions,
): Promise<TestResult> {
  const { clock } = runtime;
  const { path, body } = testRequestFor(protocol, model);
  const timeout = new AbortController();
  const done = new AbortController();
  void clock.sleep(TEST_TIMEOUT_MS, done.signal).then(() => {
    if (!done.signal.aborted) timeout.abort();
  });
  const began = clock.now();
  try {
    const request = new Request(new URL(path, c.req.url), {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: timeout.signal,
    });
    const response = await sendAsAgent(request, c.env);
    const text = (await response.text()).slice(0, MAX_CHARACTERS);
    const account = response.headers.get("x-kleis-account");
    return testResultOf(model, {
      status: response.status,
      account: account === null ? undefined : (labels.get(account) ?? account),
      changes: response.headers.get("x-kleis-changes") ?? undefined,
      body: text,
      took: clock.now() - began,
    });
  } catch {
    return {
      ok: false,
      text: `${model} did not answer within ${TEST_TIMEOUT_MS / 1000} seconds.`,
      next: "Try again, or choose another model.",
    };
  } finally {
    done.abort();
  }
}
