/** The page of live checks, over `/admin/live-checks`: what they cost, and what they found for one account. */
import { Hono } from "hono";
import * as z from "zod/mini";
import { askApi, fieldsOf, type PageContext, type PageDeps, type PageEnv, render } from "../context.ts";
import { type CheckGroup, LiveCheckPage, type LiveCheckResult } from "./page.tsx";

/** Checks of one account that run at a time. */
const AT_ONCE = 3;
/** No check is begun any more after this, ms: the answer has to come before the host's time limit. */
const BEGIN_MS = 40_000;

const cost = z.object({ requests: z.number(), tokens: z.number() });
const line = z.object({
  account: z.object({ id: z.string(), name: z.string(), kind: z.string(), label: z.string() }),
  check: z.string(),
  title: z.string(),
  model: z.nullable(z.string()),
  cost,
});
const planShape = z.object({ checks: z.array(line) });
const resultShape = z.object({
  compared: z.array(
    z.object({
      what: z.string(),
      ours: z.string(),
      theirs: z.string(),
      date: z.string(),
      verdict: z.enum(["agrees", "differs", "unclear"]),
      advice: z.nullable(z.string()),
    }),
  ),
  spent: z.object({ requests: z.number(), tokens: z.nullable(z.number()) }),
  problem: z.nullable(z.string()),
});
type Line = z.output<typeof line>;

export function createLiveCheckPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();

  /** The checks by account; null when they can not be had. */
  async function groupsFor(c: PageContext): Promise<CheckGroup[] | string> {
    const answer = await askApi(deps, c, "GET", "/live-checks");
    if (!answer.ok) return answer.message;
    const groups = new Map<string, CheckGroup>();
    for (const each of planShape.parse(answer.json).checks) {
      const known = groups.get(each.account.id);
      groups.set(each.account.id, {
        account: each.account,
        checks: [...(known?.checks ?? []), each],
        requests: (known?.requests ?? 0) + each.cost.requests,
        tokens: (known?.tokens ?? 0) + each.cost.tokens,
      });
    }
    return [...groups.values()];
  }

  async function runOne(c: PageContext, { account, check, title }: Line): Promise<LiveCheckResult> {
    const answer = await askApi(deps, c, "POST", "/live-checks", { account: account.id, check });
    return answer.ok
      ? { title, ...resultShape.parse(answer.json) }
      : { title, compared: [], spent: { requests: 0, tokens: null }, problem: answer.message };
  }

  async function runAll(c: PageContext, checks: readonly Line[]): Promise<LiveCheckResult[]> {
    const { clock } = deps.runtime;
    const until = clock.now() + BEGIN_MS;
    const results: LiveCheckResult[] = [];
    const left = [...checks.entries()];
    const inTurn = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [at, check] = next;
        results[at] = clock.now() < until ? await runOne(c, check) : notBegun(check);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
    return results;
  }

  app.get("/", async (c) => {
    const groups = await groupsFor(c);
    if (typeof groups !== "string")
      return render(c, <LiveCheckPage frame={c.get("frame")} groups={groups} />);
    const notice = { tone: "bad", words: groups } as const;
    return render(c, <LiveCheckPage frame={c.get("frame")} groups={[]} notice={notice} />, 503);
  });

  app.post("/", async (c) => {
    const { account, agreed, requests } = await fieldsOf(c);
    const groups = await groupsFor(c);
    const frame = c.get("frame");
    const show = (words: string) =>
      render(
        c,
        <LiveCheckPage
          frame={frame}
          groups={typeof groups === "string" ? [] : groups}
          notice={{ tone: "bad", words }}
        />,
        400,
      );
    if (typeof groups === "string") return show(groups);
    const group = groups.find((each) => each.account.id === account);
    if (group === undefined) return show("This account can not be asked any more.");
    if (agreed !== "yes") return show("Nothing was sent: tick that the requests may be spent.");
    // What the owner agreed to is what was shown.
    if (Number(requests) !== group.requests)
      return show(`Nothing was sent: there are ${group.requests} requests by now. Look at the list again.`);
    const results = await runAll(c, group.checks);
    return render(
      c,
      <LiveCheckPage frame={frame} groups={groups} ran={{ account: group.account, results }} />,
    );
  });
  return app;
}

function notBegun({ title }: Line): LiveCheckResult {
  const problem = "There was no time left for it: nothing was sent. Run the checks again.";
  return { title, compared: [], spent: { requests: 0, tokens: null }, problem };
}
