/**
 * `npm run doctor -- --live`: has a running Kleis ask the providers about its facts, one check for each request, and
 * shows what differs. Says what that costs before it spends anything.
 */
import * as z from "zod/mini";
import { errorCodeOf } from "../../src/error-code.ts";
import type { Fetch } from "../../src/runtime.ts";
import { unreached } from "./reach.ts";

/** A check sends two or three requests, each of which may take 40 s. */
const LIMIT_MS = 130_000;

const cost = z.object({ requests: z.number(), tokens: z.number() });
const line = z.object({
  account: z.object({
    id: z.string(),
    provider: z.string(),
    name: z.string(),
    kind: z.enum(["oauth", "api_key"]),
    label: z.string(),
  }),
  check: z.string(),
  title: z.string(),
  model: z.nullable(z.string()),
  cost,
});
const planBody = z.object({ checks: z.array(line), cost });
const compared = z.object({
  fact: z.string(),
  what: z.string(),
  ours: z.string(),
  theirs: z.string(),
  date: z.string(),
  verdict: z.enum(["agrees", "differs", "unclear"]),
  variable: z.nullable(z.string()),
  advice: z.nullable(z.string()),
});
const resultBody = z.extend(line, {
  compared: z.array(compared),
  spent: z.object({ requests: z.number(), tokens: z.nullable(z.number()) }),
  problem: z.nullable(z.string()),
});
const errorBody = z.object({ error: z.object({ message: z.string() }) });

export type LivePlan = z.output<typeof planBody>;
export type LiveResult = z.output<typeof resultBody>;

export interface LiveTarget {
  readonly fetch: Fetch;
  /** Of the running Kleis, without a slash at its end. */
  readonly address: string;
  readonly adminToken: string;
}

/** Throws in plain words. */
export async function askPlan(target: LiveTarget): Promise<LivePlan> {
  return planBody.parse(await call(target, "GET"));
}

/** Runs the plan's checks one after the other; `tell` hears of each before it begins. */
export async function runPlan(
  target: LiveTarget,
  plan: LivePlan,
  tell: (line: LivePlan["checks"][number]) => void,
): Promise<LiveResult[]> {
  const results: LiveResult[] = [];
  for (const planned of plan.checks) {
    tell(planned);
    results.push(await runOne(target, planned));
  }
  return results;
}

/** A check that could not be run is a result: what the others found must not be lost. */
async function runOne(target: LiveTarget, planned: LivePlan["checks"][number]): Promise<LiveResult> {
  try {
    const body = { account: planned.account.id, check: planned.check };
    return resultBody.parse(await call(target, "POST", body));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...planned, compared: [], spent: { requests: 0, tokens: null }, problem };
  }
}

async function call({ fetch, address, adminToken }: LiveTarget, method: string, body?: object) {
  const url = `${address}/admin/live-checks`;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method,
      headers: new Headers({
        accept: "application/json",
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      }),
      body: body === undefined ? null : JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    answer = await response.json().catch(() => undefined);
  } catch (error) {
    if (errorCodeOf(error) === undefined && !(error instanceof DOMException)) throw error;
    const { text, advice = "" } = unreached(address, error);
    throw new Error(`${text} ${advice} Live checks need a Kleis that runs: npm start.`);
  }
  if (response.ok) return answer;
  if (response.status === 401) throw new Error(`ADMIN_TOKEN is not the one of ${address}.`);
  if (response.status === 404)
    throw new Error(`${address} has no live checks: it is no Kleis, or an older one.`);
  const said = errorBody.safeParse(answer);
  throw new Error(
    `${address} responds with ${response.status}: ${said.data?.error.message ?? "no reason given"}`,
  );
}

/** What the plan spends, account by account. */
export function costText({ checks, cost: total }: LivePlan): string {
  const groups = groupsOf(checks);
  const lines = groups.map(([name, mine]) => {
    const sum = (of: "requests" | "tokens") => mine.reduce((all, { cost: each }) => all + each[of], 0);
    const models = [...new Set(mine.flatMap(({ model }) => model ?? []))];
    const asked = models.length === 0 ? "" : `, asks ${models.join(", ")}`;
    return `  ${name}: ${requests(sum("requests"))}, about ${tokens(sum("tokens"))}${asked}`;
  });
  return [
    "The live checks use your accounts:",
    ...lines,
    `In all ${requests(total.requests)}, about ${tokens(total.tokens)}. Refresh tokens stay as they are unless one is due.`,
  ].join("\n");
}

function requests(count: number): string {
  return `${count} request${count === 1 ? "" : "s"}`;
}

function tokens(count: number): string {
  return `${count.toLocaleString("en")} tokens`;
}

type Named = Pick<LiveResult, "account">;

function groupsOf<Line extends Named>(lines: readonly Line[]): [string, Line[]][] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const name = nameOf(line.account);
    groups.set(name, [...(groups.get(name) ?? []), line]);
  }
  return [...groups];
}

/** Without the label, which is often an e-mail address. */
function nameOf({ name, kind }: Named["account"]): string {
  return `${name} (${kind === "oauth" ? "plan" : "API key"})`;
}

const MARK = { agrees: "ok       ", differs: "DIFFERS  ", unclear: "unclear  " };
const WIDTH = { what: 58, value: 44 };

/** The table for a terminal and for a bug report: no label, no credential. */
export function resultText(results: readonly LiveResult[]): string {
  const lines = groupsOf(results).flatMap(([name, mine]) => [
    `\n${name}`,
    `  ${"".padEnd(9)}${"fact".padEnd(WIDTH.what)}  ${"ours".padEnd(WIDTH.value)}  ${"of".padEnd(10)}  theirs`,
    ...mine.flatMap(({ title, problem, compared: seen }) => [
      ...(problem === null ? [] : [`  ${MARK.unclear}${title}: ${problem}`]),
      ...seen.flatMap(rowOf),
    ]),
  ]);
  return `${lines.join("\n")}\n\n${sumOf(results)}\n`;
}

function rowOf({ verdict, what, ours, theirs, date, advice }: LiveResult["compared"][number]): string[] {
  const cells = [fit(what, WIDTH.what), fit(ours, WIDTH.value), date.padEnd(10), theirs];
  const row = `  ${MARK[verdict]}${cells.join("  ")}`;
  return advice === null ? [row] : [row, `           -> ${advice}`];
}

function fit(text: string, width: number): string {
  return (text.length > width ? `${text.slice(0, width - 1)}…` : text).padEnd(width);
}

function sumOf(results: readonly LiveResult[]): string {
  const differing = results.flatMap((each) => each.compared).filter(({ verdict }) => verdict === "differs");
  const sent = results.reduce((all, { spent }) => all + spent.requests, 0);
  const used = results.reduce((all, { spent }) => all + (spent.tokens ?? 0), 0);
  const found =
    differing.length === 0
      ? "Nothing differs."
      : `${differing.length} ${differing.length === 1 ? "fact differs" : "facts differ"}.`;
  return `${found} Spent ${requests(sent)} and ${tokens(used)}.`;
}

/** Text without anything that looks like a credential or an e-mail address, and without the secrets that are known. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets
    .filter((each) => each !== "")
    .reduce((all, each) => all.replaceAll(each, HIDDEN), text);
  return known.replace(CREDENTIAL, HIDDEN).replace(EMAIL, HIDDEN);
}

const HIDDEN = "[hidden]";
const CREDENTIAL = /\b(?:sk-|gh[a-z]_|[a-z]+_pat_|eyJ|rt_|kleis_|tid=)[\w.-]{12,}/g;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
