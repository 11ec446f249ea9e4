/** A deployment seen from outside, through its own admin API: for where its variables are not at hand. */
import type { Clock, Fetch } from "../../src/runtime.ts";
import { VERSION } from "../../src/version.ts";
import type { Finding } from "./finding.ts";
import { lookAtClock, reach } from "./reach.ts";

const LIMIT_MS = 20_000;

interface AccountLine {
  id: string;
  provider: string;
  label: string;
  enabled: boolean;
  status: string;
  status_reason: string | null;
}

export async function lookAtDeployment(
  fetch: Fetch,
  clock: Clock,
  address: string,
  adminToken: string | undefined,
): Promise<Finding[]> {
  const area = "deployment";
  const base = address.replace(/\/+$/, "");
  const get = async (path: string, token?: string) => {
    const response = await fetch(base + path, {
      method: "GET",
      headers: new Headers({
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      }),
      redirect: "manual",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  try {
    const alive = await get("/healthz");
    if (alive.status !== 200)
      return [{ area, level: "problem", text: `${base} answers ${alive.status}: ${wordsOf(alive.body)}` }];
    const findings: Finding[] = [
      { area, level: "ok", text: `${base} runs version ${String(alive.body.version)}.` },
    ];
    if (alive.body.version !== VERSION) {
      findings.push({ area, level: "note", text: `This copy of the code is version ${VERSION}.` });
    }
    const time = await reach(fetch, clock, new URL(base).origin);
    findings.push(lookAtClock(time === null ? [] : [time]));
    if (!adminToken) {
      const advice = "ADMIN_TOKEN=… npm run doctor -- (the same address)";
      return [
        ...findings,
        { area, level: "note", text: "Without ADMIN_TOKEN only this can be seen.", advice },
      ];
    }
    const deep = await get("/healthz?deep=1", adminToken);
    findings.push(
      deep.status === 200
        ? { area: "database", level: "ok", text: "It answers." }
        : { area: "database", level: "problem", text: wordsOf(deep.body) },
    );
    if (deep.status !== 200) return findings;
    const { body } = await get("/admin/accounts", adminToken);
    return [...findings, ...accountsOf(body.accounts as AccountLine[])];
  } catch {
    const advice = "Check the address, and that the deployment is public.";
    return [{ area, level: "problem", text: `${base} gives no answer that is Kleis's.`, advice }];
  }
}

function accountsOf(accounts: readonly AccountLine[]): Finding[] {
  if (accounts.length === 0) return [{ area: "accounts", level: "note", text: "There is none yet." }];
  return accounts.map(({ id, provider, label, enabled, status, status_reason }) => ({
    area: "accounts",
    level: status === "active" && status_reason === null ? "ok" : enabled ? "problem" : "note",
    text: `${provider} "${label}" (${id}${enabled ? "" : ", switched off"}): ${status_reason ?? status}`,
    ...(status === "active" ? {} : { advice: "Connect it again on the admin page." }),
  }));
}

function wordsOf(body: Record<string, unknown>): string {
  const error = body.error;
  return typeof error === "object" && error !== null
    ? String(Reflect.get(error, "message"))
    : "no reason given";
}
