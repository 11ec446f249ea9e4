/**
 * One request with one account: prepared, sent, and prepared again where the provider's refusal can be met with a fresh
 * credential, the account's right host, or the same request without sealed reasoning.
 */
import { KleisError } from "../errors.ts";
import type { TracedAttempt } from "../limits/trace.ts";
import { verdictOf } from "../limits/verdict.ts";
import type { Operation } from "../protocols/protocol.ts";
import type { Credential } from "../providers/account.ts";
import { ACCOUNT_SCOPE, isCooling } from "../providers/limit.ts";
import { refusesModel } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord } from "../storage/port.ts";
import type { ProxyCall, ProxyDeps, ReadyRequest, ResponseContext, Target } from "./context.ts";
import { type RefusalReport, reportRefusals } from "./refusal-report.ts";
import { type PrepareOptions, prepareRequest } from "./request/prepare.ts";
import type { RequestBody } from "./request/request-body.ts";
import { providerNow } from "./response/classify-refusal.ts";
import { providerRequestId } from "./response/headers.ts";
import { hideInHeaders } from "./response/hide-credential.ts";
import { sendWithRetry } from "./retry.ts";

export interface AttemptRequest {
  readonly body: RequestBody;
  readonly target: Target;
  readonly account: AccountRecord;
  /** What the account is asked for: what the client called, or what that is translated into. */
  readonly operation: Operation;
  readonly credential: Credential;
  readonly requestedModel: string;
  readonly clientStreams: boolean;
  /** Sealed reasoning is another account's: leave it out. */
  readonly unsealed?: "foreign";
  /** Whether the request may be sent again without sealed reasoning that the provider refuses. */
  readonly mayRepair: boolean;
}

/** Prepares the request for its account. Throws what the provider's `prepare` throws. */
export async function prepareAttempt(
  deps: ProxyDeps,
  call: ProxyCall,
  request: AttemptRequest,
): Promise<Attempt> {
  const attempt = new Attempt(deps, call, request);
  await attempt.prepareFirst();
  return attempt;
}

export class Attempt {
  readonly runtime: Runtime;
  /** Called once the provider's headers have come, and with null where they do not. */
  onHeaders: (response: Response | null) => void = () => {};
  /** It was sent again without sealed reasoning. */
  isRepaired = false;
  readonly #deps: ProxyDeps;
  readonly #call: ProxyCall;
  readonly #request: AttemptRequest;
  readonly #sentTokens: string[];
  readonly #report: RefusalReport;
  /** Prepared and not sent yet. Not kept any longer: it holds the body, and the response may stream for minutes. */
  #first: ReadyRequest | null = null;
  /** How the first request's response is read; it holds for a second one as well. */
  #plan!: Pick<ReadyRequest, "response" | "streams" | "classify" | "translation">;
  /** What was prepared last. */
  #last!: {
    readonly account: AccountRecord;
    readonly credential: Credential;
    readonly changes: readonly string[];
  };

  readonly #trace: TracedAttempt;
  readonly #startedAt: number;
  #upstreamHeaders = new Headers();
  /** Whether the body may be let go as soon as the provider has responded. */
  #isReleased = false;
  #hasResponded = false;

  constructor(deps: ProxyDeps, call: ProxyCall, request: AttemptRequest) {
    this.runtime = deps.runtime;
    this.#deps = deps;
    this.#call = call;
    this.#request = request;
    this.#sentTokens = [request.credential.token];
    this.#trace = call.trace.attempt(request.account.id);
    this.#startedAt = deps.runtime.clock.now();
    this.#report = this.#createReport();
  }

  /** Nothing is going to be sent after the provider's response: one that streams for minutes must not keep the request. */
  release(): void {
    this.#isReleased = true;
    if (this.#hasResponded) this.#request.body.release(this.#plan.response.keptBytes ?? 0);
  }

  async prepareFirst(): Promise<void> {
    const { account, credential } = this.#request;
    const first = await this.#prepare(account, credential);
    const { response, streams, classify, translation } = first;
    this.#plan = { response, streams, classify, translation };
    this.#first = first;
  }

  /** True where the client's stream may begin before the provider responds. */
  get mayCommit(): boolean {
    return this.#request.clientStreams && this.#plan.streams;
  }

  /** Sends it, once. Rejects with `KleisError` when the provider does not respond. */
  async send(signal: AbortSignal): Promise<Response> {
    const first = this.#first;
    if (first === null) throw new Error("an attempt is prepared before it is sent, and sent once");
    this.#first = null;
    const retries = {
      renew: () => this.#renew(),
      relocate: () => this.#relocate(),
      unseal: () => this.#unseal(),
    };
    try {
      return this.#received(await sendWithRetry(this.runtime, first, retries, signal));
    } catch (error) {
      this.onHeaders(null);
      if (error instanceof KleisError) this.#report.noResponse(error);
      throw error;
    }
  }

  responseContext(stop: () => void): ResponseContext {
    const { runtime } = this;
    const { target, account, requestedModel, clientStreams } = this.#request;
    const { response: plan, streams: upstreamStreams, classify, translation } = this.#plan;
    const { abortConnection } = runtime;
    const { request } = this.#call;
    const changes = () => this.#last.changes;
    const upstreamHeaders = () => this.#upstreamHeaders;
    return {
      runtime,
      call: this.#call,
      provider: target.provider.id,
      account: account.id,
      requestedModel,
      // A translated response names the client's model as it is.
      restoredModel: target.resolved.change === null || translation !== null ? null : requestedModel,
      clientStreams,
      upstreamStreams,
      plan,
      responseHeaders: target.provider.responseHeaders,
      classify,
      translation,
      get changes() {
        return changes();
      },
      get upstreamHeaders() {
        return upstreamHeaders();
      },
      sentTokens: this.#sentTokens,
      report: this.#report,
      stop,
      abortConnection: abortConnection === undefined ? undefined : () => abortConnection(request),
    };
  }

  async #prepare(
    account: AccountRecord,
    credential: Credential,
    unsealed: PrepareOptions["unsealed"] = this.#request.unsealed,
  ): Promise<ReadyRequest> {
    const { target, body, operation, mayRepair } = this.#request;
    const options = { account, operation, credential, ...(unsealed === undefined ? {} : { unsealed }) };
    const ready = await prepareRequest(this.runtime, this.#call, target, body, options);
    this.#last = { account, credential, changes: ready.changes };
    if (mayRepair) return ready;
    const { sealRefused: _, ...unrepaired } = ready;
    return unrepaired;
  }

  async #renew(): Promise<ReadyRequest | null> {
    const { account, credential } = this.#request;
    const renewed = await this.#deps.credentials.renew(account, credential);
    if (renewed === null) return null;
    this.#sentTokens.push(renewed.token);
    return this.#prepare(account, renewed);
  }

  async #relocate(): Promise<ReadyRequest | null> {
    const { account, credential } = this.#request;
    const moved = await this.#deps.credentials.relocate(account);
    return moved === null ? null : this.#prepare(moved, credential);
  }

  async #unseal(): Promise<ReadyRequest> {
    const { account, credential } = this.#last;
    const ready = await this.#prepare(account, credential, "refused");
    this.isRepaired = true;
    this.#call.log.addFields({ resent: "unsealed" });
    return ready;
  }

  #received(upstream: Response): Response {
    const { credentials, models } = this.#deps;
    const { account, credential, target } = this.#request;
    const { log } = this.#call;
    const response = hideInHeaders(upstream, this.#sentTokens);
    this.#hasResponded = true;
    if (this.#isReleased) this.release();
    this.#upstreamHeaders = response.headers;
    this.onHeaders(response);
    credentials.answered(account, credential, response.status);
    if (response.ok) models.note(account, target.resolved.model, "answered");
    log.mark("headers_ms");
    const ids = providerRequestId(response.headers, target.provider.responseHeaders);
    log.addFields(ids);
    this.#trace.status = response.status;
    this.#trace.upstreamId = ids.upstream_id ?? null;
    this.#trace.ms = this.runtime.clock.now() - this.#startedAt;
    if (response.ok) this.#noteExtraUsage(response.headers);
    return response;
  }

  /** A plan that buys extra usage spends money; the owner may want it to count as exhausted. */
  #noteExtraUsage(headers: Headers): void {
    const { limits } = this.#deps;
    const { account, target } = this.#request;
    const now = this.runtime.clock.now();
    const providersNow = providerNow(headers, now);
    const extra = target.provider.extraUsage?.(headers, providersNow) ?? null;
    if (extra === null) return;
    this.#call.log.addFields({ extra_usage: true });
    if (!limits.policyOf(target.provider.id).stopOnExtraUsage) return;
    const untilMs = extra.until === null ? null : now + extra.until * 1000 - providersNow;
    const verdict = { class: "window", scope: ACCOUNT_SCOPE, untilMs, isStated: untilMs !== null } as const;
    limits.cooling.refused(account.id, { ...verdict, code: "extra_usage" }, null);
  }

  #createReport(): RefusalReport {
    const { refusals, models, runtime, limits } = this.#deps;
    const { account, target } = this.#request;
    const { model } = target.resolved;
    const counts = this.#call.operation === "count_tokens";
    return reportRefusals({
      log: this.#call.log,
      refusals,
      account,
      model,
      counts,
      now: () => runtime.clock.now(),
      sentTokens: this.#sentTokens,
      onRefusal: (refusal, words) => {
        if (refusesModel(refusal)) models.note(account, model, "refused");
        const verdict = verdictOf(refusal.limit, { model, counts, now: runtime.clock.now() });
        this.#trace.class = verdict.class;
        if (isCooling(verdict.class)) limits.herd.moved();
        limits.cooling.refused(account.id, verdict, words);
      },
      onSuccess(since) {
        if (!counts) limits.cooling.succeeded(account.id, model, since);
      },
    });
  }
}
