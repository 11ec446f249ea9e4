/** The routes that point an agent at Kleis, and try a key in this process with one tiny request. */
import { Hono } from "hono";
import type { Protocol } from "../../../protocols/protocol.ts";
import type { KeyRecord } from "../../../storage/port.ts";
import { PATH } from "../../ui/layout.tsx";
import { createConfirm } from "../confirm/routes.tsx";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, render } from "../context.ts";
import { keyChoice } from "../keys/choice.ts";
import { createModelView } from "../models/view.ts";
import { commonProtocol, modelsFor } from "./agent.ts";
import { AGENTS } from "./catalogue.ts";
import { UsePage } from "./page.tsx";
import { type Tried, tinyRequest, triedWords } from "./test-request.ts";

/** How long a trial may take, ms. */
const TRIAL_MS = 60_000;

/** Characters of an answer that are read. */
const READ = 200_000;

type Wish = Readonly<Record<string, string | undefined>>;

export function createUsePages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { storage } = deps.runtime;
  const view = createModelView(deps);
  const confirm = createConfirm(deps);

  async function show(c: PageContext, wish: Wish, reveals: boolean, tries: boolean): Promise<Response> {
    const frame = c.get("frame");
    const [{ keys, asked, isCut }, accounts] = await Promise.all([
      keyChoice(deps, frame.now, wish.key),
      deps.accountCache.list(),
    ]);
    const chosen = asked ?? keys[0];
    const agent = AGENTS.find(({ id }) => id === wish.agent) ?? AGENTS[0]!;
    const models = chosen === undefined ? [] : await view.listFor(chosen);
    const secrets = chosen !== undefined && (reveals || tries) ? await storage.keys.reveal(chosen.id) : null;

    let tried: Tried | undefined;
    const able = modelsFor(agent, models);
    const model = able.find(({ id }) => id === wish.model) ?? able[0];
    const protocol = model === undefined ? undefined : commonProtocol(agent, model);
    if (tries && chosen !== undefined && secrets !== null && model !== undefined && protocol !== undefined) {
      const labels = new Map(accounts.map(({ id, label }) => [id, label]));
      tried = await attempt(deps, c, { key: secrets.key, model: model.id, protocol, labels });
    }
    return render(
      c,
      <UsePage
        frame={frame}
        keys={keys}
        isCut={isCut}
        chosen={chosen}
        agent={agent}
        models={models}
        wanted={wish.model}
        revealed={reveals && secrets !== null ? secrets : undefined}
        tried={tried}
        hasAccount={accounts.length > 0}
      />,
    );
  }

  app.get("/", (c) => show(c, c.req.query(), false, false));
  app.post("/", async (c) => {
    const { token, ...wish } = await fieldsOf(c);
    const back = `${PATH.use}?${new URLSearchParams(wish)}`;
    const asked = await confirm(c, token, { section: "use", action: PATH.use, back, fields: wish });
    return asked ?? show(c, wish, true, false);
  });
  app.post("/test", async (c) => {
    const wish = await fieldsOf(c);
    // A key that was on the screen stays there only while it could be revealed.
    const reveals = wish.revealed === "1" && (await deps.sessions.isFresh(c.req.raw));
    return show(c, wish, reveals, true);
  });
  return app;
}

interface Trial {
  readonly key: string;
  readonly model: string;
  readonly protocol: Protocol;
  /** Account id to label. */
  readonly labels: ReadonlyMap<KeyRecord["id"], string>;
}

/** Goes the whole way of a client's request: key, model, account, provider. */
async function attempt(
  { runtime, sendAsAgent }: PageDeps,
  c: PageContext,
  { key, model, protocol, labels }: Trial,
): Promise<Tried> {
  const { clock } = runtime;
  const { path, body } = tinyRequest(protocol, model);
  const gaveUp = new AbortController();
  const done = new AbortController();
  void clock.sleep(TRIAL_MS, done.signal).then(() => {
    if (!done.signal.aborted) gaveUp.abort();
  });
  const began = clock.now();
  try {
    const request = new Request(new URL(path, c.req.url), {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: gaveUp.signal,
    });
    const response = await sendAsAgent(request, c.env);
    const answer = (await response.text()).slice(0, READ);
    const account = response.headers.get("x-kleis-account");
    return triedWords(model, {
      status: response.status,
      account: account === null ? undefined : (labels.get(account) ?? account),
      changes: response.headers.get("x-kleis-changes") ?? undefined,
      body: answer,
      took: clock.now() - began,
    });
  } catch {
    return {
      ok: false,
      words: `${model} did not answer within ${TRIAL_MS / 1000} seconds.`,
      next: "Try again, or choose another model.",
    };
  } finally {
    done.abort();
  }
}
