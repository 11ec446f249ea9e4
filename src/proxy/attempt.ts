/**
 * One request with one account: prepared, sent, and prepared again where the provider's refusal can be met with a fresh
 * credential, the account's right host, or the same request without sealed reasoning.
 */
import { KleisError } from "../errors.ts";
import type { Operation } from "../protocols/protocol.ts";
import type { Credential } from "../providers/account.ts";
import { refusesModel } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord } from "../storage/port.ts";
import type { ProxyCall, ProxyDeps, ReadyRequest, ResponseContext, Target } from "./context.ts";
import { type RefusalReport, reportRefusals } from "./refusal-report.ts";
import { prepareRequest } from "./request/prepare.ts";
import type { RequestBody } from "./request/request-body.ts";
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

  constructor(deps: ProxyDeps, call: ProxyCall, request: AttemptRequest) {
    this.runtime = deps.runtime;
    this.#deps = deps;
    this.#call = call;
    this.#request = request;
    this.#sentTokens = [request.credential.token];
    this.#report = this.#createReport();
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
      sentTokens: this.#sentTokens,
      report: this.#report,
      stop,
      abortConnection: abortConnection === undefined ? undefined : () => abortConnection(request),
    };
  }

  async #prepare(account: AccountRecord, credential: Credential, unsealed = false): Promise<ReadyRequest> {
    const { target, body, operation } = this.#request;
    const options = { account, operation, credential, unsealed };
    const ready = await prepareRequest(this.runtime, this.#call, target, body, options);
    this.#last = { account, credential, changes: ready.changes };
    return ready;
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
    const ready = await this.#prepare(account, credential, true);
    this.#call.log.addFields({ resent: "unsealed" });
    return ready;
  }

  #received(upstream: Response): Response {
    const { credentials, models } = this.#deps;
    const { body, account, credential, target } = this.#request;
    const { log } = this.#call;
    const response = hideInHeaders(upstream, this.#sentTokens);
    // Nothing is sent again from here on: a response that streams for minutes must not keep the request in memory.
    body.release(this.#plan.response.keptBytes ?? 0);
    credentials.answered(account, credential, response.status);
    if (response.ok) models.note(account, target.resolved.model, "answered");
    log.mark("headers_ms");
    log.addFields(providerRequestId(response.headers, target.provider.responseHeaders));
    return response;
  }

  #createReport(): RefusalReport {
    const { refusals, models, runtime } = this.#deps;
    const { account, target } = this.#request;
    const { model } = target.resolved;
    return reportRefusals({
      log: this.#call.log,
      refusals,
      account,
      model,
      counts: this.#call.operation === "count_tokens",
      now: () => runtime.clock.now(),
      sentTokens: this.#sentTokens,
      onRefusal(refusal) {
        if (refusesModel(refusal)) models.note(account, model, "refused");
      },
    });
  }
}
