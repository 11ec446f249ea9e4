/**
 * Runs one live check with an owner's account: the only part that sends. It never sends more requests than the check
 * announced, follows no redirect, and repeats nothing.
 */
import type { Credentials } from "../accounts/credentials.ts";
import { withDeadline } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import { readAll, TooLarge } from "../models/registry/bytes.ts";
import { applyEdits, encodeJson } from "../protocols/json-edit.ts";
import type { Credential } from "../providers/account.ts";
import { effortsOf } from "../providers/efforts.ts";
import { type Fact, factText } from "../providers/fact.ts";
import type {
  CheckContext,
  CheckRequest,
  CheckResponse,
  Observation,
  Verdict,
} from "../providers/live-check.ts";
import type { Runtime } from "../runtime.ts";
import { type Outgoing, send } from "../send.ts";
import type { PlannedCheck } from "./plan.ts";
import { noResponse, readCheckResponse, tokensIn } from "./response.ts";

/** The time that one request may take until its last byte, ms. */
const REQUEST_MS = 40_000;
const MAX_BYTES = 4 * 1024 * 1024;

export interface RunDeps {
  readonly runtime: Runtime;
  readonly credentials: Pick<Credentials, "fresh">;
}

/** A fact beside what the provider showed. */
export interface Compared {
  /** The fact's id. */
  readonly fact: string;
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
  /** When ours was last compared with its source. */
  readonly date: string;
  readonly verdict: Verdict;
  /** The variable that corrects it; null where none does. */
  readonly variable: string | null;
  /** What to do about one that differs; null for the others. */
  readonly advice: string | null;
}

export interface CheckResult {
  readonly compared: readonly Compared[];
  /** Requests sent, and the tokens that their responses counted; null where none did. */
  readonly spent: { readonly requests: number; readonly tokens: number | null };
  /** Why nothing was asked; null where it was. */
  readonly problem: string | null;
}

export async function runCheck(deps: RunDeps, planned: PlannedCheck): Promise<CheckResult> {
  const { runtime, credentials } = deps;
  let credential: Credential;
  try {
    credential = await credentials.fresh(planned.account);
  } catch (error) {
    if (!(error instanceof KleisError)) throw error;
    return { compared: [], spent: { requests: 0, tokens: null }, problem: error.message };
  }
  const spent: { requests: number; tokens: number | null } = { requests: 0, tokens: null };
  const steps = planned.check.steps(contextOf(deps, planned, credential));
  for (let step = await steps.next(); ; ) {
    if (step.done) {
      const facts = planned.provider.facts(runtime.config);
      return { compared: step.value.map((seen) => compared(seen, facts)), spent, problem: null };
    }
    if (spent.requests === planned.check.cost.requests) throw new Error("more requests than were announced");
    spent.requests++;
    const response = await sendRequest(runtime, planned, credential, step.value);
    const tokens = tokensIn(response);
    if (tokens !== null) spent.tokens = (spent.tokens ?? 0) + tokens;
    step = await steps.next(response);
  }
}

function contextOf(
  { runtime }: RunDeps,
  { account, model, served }: PlannedCheck,
  credential: Credential,
): CheckContext {
  return {
    account,
    credential,
    config: runtime.config,
    model: model?.id ?? "",
    efforts: model === null ? [] : effortsOf(model.model),
    models: served.map(({ model: each, id, limit }) => ({ ...each, id, limit })),
    nonce: crypto.randomUUID(),
  };
}

function compared({ fact: id, verdict, theirs, advice }: Observation, facts: readonly Fact[]): Compared {
  const fact = facts.find((each) => each.id === id);
  if (fact === undefined) throw new Error(`there is no fact ${id}`);
  const { what, value, date, variable = null } = fact;
  const correct = variable === null ? "Change it in profile.ts, or report it." : `Set ${variable}.`;
  return {
    fact: id,
    what,
    ours: factText(value),
    theirs,
    date,
    verdict,
    variable,
    advice: verdict === "differs" ? (advice ?? correct) : null,
  };
}

/** Sends one request and reads the whole response. Every failure becomes a response without a status. */
async function sendRequest(
  runtime: Runtime,
  planned: PlannedCheck,
  credential: Credential,
  request: CheckRequest,
): Promise<CheckResponse> {
  const { provider, account } = planned;
  const { clock, fetch } = runtime;
  const reason = () => new KleisError("upstream_timeout", TOO_SLOW);
  const exchange = async (signal: AbortSignal) => {
    const outgoing = await outgoingOf(runtime, planned, credential, request);
    const response = await send(fetch, { ...outgoing, keepsRedirect: true, signal });
    const bytes = response.body === null ? new Uint8Array() : await readAll(response.body, MAX_BYTES);
    const { status, headers } = response;
    const source = new TextDecoder().decode(bytes);
    return readCheckResponse({ status, headers, source }, provider, account, credential.token, clock.now());
  };
  try {
    return await withDeadline({ clock, ms: REQUEST_MS, reason }, exchange);
  } catch (error) {
    if (error instanceof KleisError) return noResponse(error.message);
    if (error instanceof TooLarge) return noResponse("The response is larger than 4 MiB.");
    runtime.logger.warn("live_check_broken", { check: planned.check.id, error: nameOf(error) });
    return noResponse("The response ended early.");
  }
}

const TOO_SLOW = `There was no complete response within ${REQUEST_MS / 1000} s.`;

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}

/** The request as it goes out: one of an agent's kind as `Provider.prepare` makes it. */
async function outgoingOf(
  { config, clock }: Runtime,
  { provider, account, check, model }: PlannedCheck,
  credential: Credential,
  request: CheckRequest,
): Promise<Outgoing> {
  if (!("operation" in request)) {
    const origins = [
      ...provider.origins(account, config),
      ...(provider.identityOrigins?.(account.metadata, config) ?? []),
      ...(check.origins?.(config) ?? []),
    ];
    return { ...request, origins };
  }
  const { operation, body: value } = request;
  const now = clock.now();
  const body = { bytes: encodeJson(value), value };
  const prepared = await provider.prepare({
    operation,
    body,
    model: model?.id ?? "",
    query: "",
    headers: new Headers(),
    account,
    credential,
    keyId: "live-check",
    // The same for all turns of a session.
    keyCreatedAt: account.createdAt,
    now,
    config,
  });
  return {
    url: prepared.url,
    method: "POST",
    headers: prepared.headers,
    body: applyEdits(body.bytes, prepared.edits),
    origins: provider.origins(account, config),
  };
}
