/** A deployment seen from outside, through its own admin API: for where its variables are not at hand. */
import * as z from "zod/mini";
import { errorCodeOf } from "../../src/error-code.ts";
import type { Clock, Fetch } from "../../src/runtime.ts";
import { VERSION } from "../../src/version.ts";
import type { Finding } from "./finding.ts";
import { keysOf } from "./keys.ts";
import { lookAtClock, reach, unreached } from "./reach.ts";
import { findingOf, NO_ACCOUNT, refusalFindings, type Verdict, verdictOf } from "./verdict.ts";

const LIMIT_MS = 20_000;

const errorBody = z.object({ error: z.object({ message: z.string() }) });
const aliveBody = z.object({ version: z.string() });
const pageBody = z.looseObject({ has_more: z.boolean() });
const text = z.nullable(z.string());
const accountLine = z.object({
  id: z.string(),
  provider: z.string(),
  kind: z.enum(["oauth", "api_key"]),
  label: z.string(),
  enabled: z.boolean(),
  status: z.enum(["active", "needs_login"]),
  status_reason: text,
  expires_at: z.nullable(z.number()),
  last_refresh_status: z.nullable(z.enum(["ok", "failed"])),
  last_refresh_error: text,
  // Not told by older versions.
  last_refusal: z.optional(
    z.nullable(
      z.object({
        summary: z.string(),
        model: z.string(),
        words: text,
        advice: z.string(),
        at: z.number(),
      }),
    ),
  ),
});
const keyLine = z.object({ id: z.string(), status: z.string() });

interface Answer {
  status: number;
  body: unknown;
}
type Get = (path: string, token?: string) => Promise<Answer>;

/** `address` is the deployment's, without a slash at its end. */
export async function lookAtDeployment(
  fetch: Fetch,
  clock: Clock,
  address: string,
  adminToken: string | undefined,
): Promise<Finding[]> {
  const area = "deployment";
  const get: Get = async (path, token) => {
    const response = await fetch(address + path, {
      method: "GET",
      headers: new Headers({
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      }),
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return { status: response.status, body: await response.json() };
  };
  try {
    const alive = await get("/healthz");
    if (alive.status !== 200)
      return [
        { area, level: "problem", text: `${address} responds with ${alive.status}: ${wordsOf(alive)}` },
      ];
    const { version } = aliveBody.parse(alive.body);
    const findings: Finding[] = [{ area, level: "ok", text: `${address} runs version ${version}.` }];
    if (version !== VERSION) {
      findings.push({ area, level: "note", text: `This copy of the code is version ${VERSION}.` });
    }
    const time = await reach(fetch, clock, address);
    findings.push(lookAtClock("origin" in time ? [time] : []));
    if (!adminToken) {
      const advice = "ADMIN_TOKEN=… npm run doctor -- (the same address)";
      return [
        ...findings,
        { area, level: "note", text: "Without ADMIN_TOKEN only this can be seen.", advice },
      ];
    }
    return [...findings, ...(await lookInside(get, adminToken, clock.now()))];
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== undefined) return [{ area, level: "problem", ...unreached(address, error) }];
    const advice = "Check the address, and that the deployment is public.";
    return [{ area, level: "problem", text: `${address} does not respond as Kleis does.`, advice }];
  }
}

async function lookInside(get: Get, adminToken: string, now: number): Promise<Finding[]> {
  const deep = await get("/healthz?deep=1", adminToken);
  if (deep.status === 401) {
    const advice = "Take the one that is set there; on Node it stands in the data folder's secrets.env.";
    return [{ area: "variables", level: "problem", text: "ADMIN_TOKEN is not this deployment's.", advice }];
  }
  if (deep.status !== 200) {
    return [{ area: deep.status === 503 ? "database" : "deployment", level: "problem", text: wordsOf(deep) }];
  }
  const accounts = await all(get, adminToken, "accounts", accountLine);
  const keys = await all(get, adminToken, "keys", keyLine);
  return [
    { area: "database", level: "ok", text: "It responds." },
    ...(accounts.length === 0 ? [NO_ACCOUNT] : accounts.flatMap((account) => seen(account, now))),
    keysOf(keys.filter(({ status }) => status === "active").length),
    {
      area: "deployment",
      level: "note",
      text: "Not seen from outside: its other variables, whether the accounts' secrets open, and whether it reaches the providers.",
      advice: "npm run doctor -- --env-file=<a file with its variables> looks at that, from this machine.",
    },
  ];
}

function seen(account: z.output<typeof accountLine>, now: number): Finding[] {
  const known = {
    kind: account.kind,
    status: account.status,
    statusReason: account.status_reason,
    expiresAt: account.expires_at,
    lastRefreshStatus: account.last_refresh_status,
    lastRefreshError: account.last_refresh_error,
    renews: null,
  };
  const verdict: Verdict = verdictOf(known, now) ?? {
    level: "ok",
    text: "nothing speaks against it; not tried.",
  };
  return [findingOf(account, verdict), ...refusalFindings(account, account.last_refusal)];
}

/** A whole list, page by page. Throws when a response is not the admin API's. */
async function all<Line extends { id: string }>(
  get: Get,
  token: string,
  name: "accounts" | "keys",
  line: z.ZodMiniType<Line>,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (let hasMore = true; hasMore; ) {
    const last = lines.at(-1);
    const { body } = await get(`/admin/${name}${last === undefined ? "" : `?after=${last.id}`}`, token);
    const page = pageBody.parse(body);
    lines.push(...z.array(line).parse(page[name]));
    hasMore = page.has_more && lines.at(-1) !== last;
  }
  return lines;
}

function wordsOf({ body }: Answer): string {
  const said = errorBody.safeParse(body);
  return said.success ? said.data.error.message : "no reason given";
}
