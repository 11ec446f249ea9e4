/**
 * Serves a request with the account that was chosen for it, and where that one turns out to be limited once more with
 * another: at most once, before anything of a response was sent, and only where the owner allows it.
 */
import { KleisError } from "../errors.ts";
import { isMovable } from "../protocols/movable.ts";
import { protocolOf } from "../protocols/protocol.ts";
import { isCooling, type LimitClass } from "../providers/limit.ts";
import type { Refusal } from "../providers/refusal.ts";
import { type Attempt, prepareAttempt } from "./attempt.ts";
import { type AccountChooser, operationFor, type Served } from "./choose-account.ts";
import type { ProxyCall, ProxyDeps, ResponseContext, Target } from "./context.ts";
import type { RequestBody } from "./request/request-body.ts";
import { errorResponse, type ReadError, readError } from "./response/error.ts";
import { peekOpening } from "./response/opening.ts";
import { respond, respondLate } from "./response/respond.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

export interface ServedRequest {
  readonly deps: ProxyDeps;
  readonly call: ProxyCall;
  readonly body: RequestBody;
  readonly target: Target;
  readonly chooser: AccountChooser;
  readonly requestedModel: string;
  readonly clientStreams: boolean;
  /** When it came, epoch ms. */
  readonly since: number;
}

/** A request that has waited for so long does not move any more, ms: its client may give up soon. */
const MOVES_WITHIN_MS = 20_000;

export async function serve(request: ServedRequest, served: Served): Promise<Response> {
  return new Serving(request).with(served);
}

class Serving {
  readonly #request: ServedRequest;
  #hasMoved = false;
  /** Sealed reasoning was refused and left out: a request is repaired once. */
  #isRepaired = false;

  constructor(request: ServedRequest) {
    this.#request = request;
  }

  async with(served: Served): Promise<Response> {
    const { deps, call, chooser } = this.#request;
    const { account } = served;
    call.log.addFields({ account: account.id });
    chooser.tried(account.id);
    const attempt = await this.#prepare(served).catch((error: unknown) => this.#insteadOf(error));
    if (attempt instanceof Response) return attempt;
    const probe = served.isProbe ? deps.limits.cooling.probe(account.id, this.#model) : null;
    const endTurn = served.takesOver
      ? await deps.limits.herd.turn(account.id, call.request.signal)
      : () => {};
    attempt.onHeaders = (response) => {
      endTurn();
      probe?.end(response?.ok === true);
    };
    if (!this.#mayMove()) attempt.release();
    const upstream = startUpstream(attempt, call);
    try {
      return await this.#respond(served, attempt, upstream);
    } catch (error) {
      return await this.#insteadOf(error);
    } finally {
      upstream.handOver();
    }
  }

  get #model(): string {
    return this.#request.target.resolved.model;
  }

  async #prepare({ account, ...rest }: Served): Promise<Attempt> {
    const { deps, call, body, target, chooser, requestedModel, clientStreams } = this.#request;
    const operation = await operationFor(deps, target, { account, ...rest }, body);
    const credential = await deps.credentials.fresh(account);
    const last = deps.limits.sessions.lastServer(chooser.session);
    const isForeign = this.#hasMoved || (last !== null && last !== account.id);
    return prepareAttempt(deps, call, {
      body,
      target,
      account,
      operation,
      credential,
      requestedModel,
      clientStreams,
      ...(isForeign ? { unsealed: "foreign" as const } : {}),
      mayRepair: !this.#isRepaired,
    });
  }

  async #respond(served: Served, attempt: Attempt, upstream: Upstream): Promise<Response> {
    const context = attempt.responseContext(upstream.stop);
    const first = await upstream.beforeCommit();
    if (first === null) {
      attempt.release();
      return respondLate(context, upstream.response);
    }
    this.#isRepaired ||= attempt.isRepaired;
    if (first.status >= 400) return await this.#refused(attempt, context, await readError(context, first));
    const opened = this.#mayMove() ? await peekOpening(context, first) : { response: first, refusal: null };
    const moved = opened.refusal === null ? null : await this.#moved(opened.refusal);
    if (moved !== null) {
      upstream.stop();
      return moved;
    }
    attempt.release();
    const { deps, chooser } = this.#request;
    if (opened.refusal === null)
      deps.limits.sessions.served(chooser.session, served.account.id, served.takesOver);
    return await respond(context, opened.response);
  }

  async #refused(attempt: Attempt, context: ResponseContext, error: ReadError): Promise<Response> {
    const moved = await this.#moved(error.advice.refusal);
    if (moved !== null) return moved;
    attempt.release();
    return errorResponse(context, error);
  }

  /** The response of another account in place of a refusal; null where the refusal passes. */
  async #moved(refusal: Refusal): Promise<Response | null> {
    const { chooser, body, call } = this.#request;
    if (!movesOn(refusal.limit.class)) return null;
    if (this.#hasMoved && isCooling(refusal.limit.class)) throw chooser.exhausted();
    if (!this.#mayMove() || !(await body.read(({ value }) => isMovable(protocolOf(call.operation), value))))
      return null;
    return await this.#next();
  }

  async #next(): Promise<Response | null> {
    const { chooser, call } = this.#request;
    const served = chooser.next();
    if (served === null) return null;
    this.#hasMoved = true;
    call.log.addFields({ moved: true });
    try {
      return await this.with(served);
    } catch (error) {
      const isOwn = error instanceof KleisError && error.code !== "accounts_exhausted";
      // What the first account's provider said tells more than that the second could not be asked.
      if (isOwn && !call.request.signal.aborted) return null;
      throw error;
    }
  }

  /** Another account's response where this one has to sign in again; otherwise throws the error. */
  async #insteadOf(error: unknown): Promise<Response> {
    const needsLogin = error instanceof KleisError && error.code === "account_needs_login";
    const moved = needsLogin && this.#mayMove() ? await this.#next() : null;
    if (moved === null) throw error;
    return moved;
  }

  /** Whether another account may take over at all. */
  #mayMove(): boolean {
    const { chooser, deps, since } = this.#request;
    const isLate = deps.runtime.clock.now() - since >= MOVES_WITHIN_MS;
    return chooser.policy.failover !== "off" && !this.#hasMoved && !isLate;
  }
}

/** Refusals after which another account may serve the request. A vendor that has stopped an account is not got around. */
function movesOn(name: LimitClass): boolean {
  return name === "auth" || (isCooling(name) && name !== "blocked");
}
