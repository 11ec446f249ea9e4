/** The routes of the live checks page: the plan with its cost, and running the checks of one account. */
import { Hono } from "hono";
import type { PlannedCheck } from "../../../live-checks/plan.ts";
import { fieldsOf, type PageContext, type PageDeps, type PageEnv, perform, render } from "../context.ts";
import { type CheckGroup, LiveCheckPage, type LiveCheckResult } from "./page.tsx";

/** Checks of one account that run at the same time. */
const CONCURRENCY = 3;
/** No check starts after this, ms: the page has to be sent before the host's time limit. */
const START_MS = 40_000;
const OUT_OF_TIME = "There was no time left for it: nothing was sent. Run the checks again.";

export function createLiveCheckPages(deps: PageDeps): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  const { liveChecks } = deps.actions;

  async function runOne(c: PageContext, planned: PlannedCheck): Promise<LiveCheckResult> {
    const { title } = planned.check;
    const outcome = await perform(deps, c, "POST /admin/live-checks", (audit) =>
      liveChecks.run(planned, audit),
    );
    return outcome.ok ? { title, ...outcome.value } : notSent(title, outcome.error.message);
  }

  async function runAll(c: PageContext, checks: readonly PlannedCheck[]): Promise<LiveCheckResult[]> {
    const { clock } = deps.runtime;
    const until = clock.now() + START_MS;
    const results: LiveCheckResult[] = [];
    const left = [...checks.entries()];
    const inTurn = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [at, check] = next;
        results[at] = clock.now() < until ? await runOne(c, check) : notSent(check.check.title, OUT_OF_TIME);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, inTurn));
    return results;
  }

  app.get("/", async (c) => {
    const groups = groupsOf(await liveChecks.plan());
    return render(c, <LiveCheckPage frame={c.get("frame")} groups={groups} />);
  });

  app.post("/", async (c) => {
    const { account, agreed, requests } = await fieldsOf(c);
    const groups = groupsOf(await liveChecks.plan());
    const frame = c.get("frame");
    const refuse = (text: string) =>
      render(c, <LiveCheckPage frame={frame} groups={groups} notice={{ tone: "bad", text }} />, 400);
    const group = groups.find((each) => each.account.id === account);
    if (group === undefined) return refuse("This account cannot be checked any more.");
    if (agreed !== "yes") return refuse("Nothing was sent: tick that the requests may be spent.");
    // The owner agreed to the number that was shown.
    if (Number(requests) !== group.requests) {
      return refuse(`Nothing was sent: there are ${group.requests} requests by now. Look at the list again.`);
    }
    const results = await runAll(c, group.checks);
    return render(
      c,
      <LiveCheckPage frame={frame} groups={groups} ran={{ account: group.account, results }} />,
    );
  });
  return app;
}

/** The planned checks by account. */
function groupsOf(plan: readonly PlannedCheck[]): CheckGroup[] {
  const groups = new Map<string, CheckGroup>();
  for (const planned of plan) {
    const { provider, check } = planned;
    const { id, kind, label } = planned.account;
    const known = groups.get(id);
    groups.set(id, {
      account: { id, name: provider.name, kind, label },
      checks: [...(known?.checks ?? []), planned],
      requests: (known?.requests ?? 0) + check.cost.requests,
      tokens: (known?.tokens ?? 0) + check.cost.tokens,
    });
  }
  return [...groups.values()];
}

function notSent(title: string, problem: string): LiveCheckResult {
  return { title, compared: [], spent: { requests: 0, tokens: null }, problem };
}
