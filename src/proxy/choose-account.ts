/** The accounts that may serve a request, and what each is asked for, or the error that says why none can. */
import { KleisError } from "../errors.ts";
import { mayUseAccount } from "../keys/scope.ts";
import { decide, usualAccount } from "../limits/decide.ts";
import type { Candidate, Decision, DecisionInputs, RefusedRequest } from "../limits/decision.ts";
import { decisionInputs } from "../limits/inputs.ts";
import type { Limits } from "../limits/limits.ts";
import { type RequestPolicy, requestPolicy } from "../limits/policy.ts";
import { type Operation, type Protocol, ROUTE } from "../protocols/protocol.ts";
import type { Clock } from "../runtime.ts";
import type { AccountRecord } from "../storage/port.ts";
import type { ProxyCall, ProxyDeps, Target } from "./context.ts";
import { accountBlocked, accountsExhausted } from "./limit-errors.ts";
import type { RequestBody } from "./request/request-body.ts";

/** Which protocols a request is translated into where no account speaks its own, best first. */
const TRANSLATED: Record<Operation, readonly Protocol[]> = {
  messages: ["responses", "chat"],
  count_tokens: ["responses", "chat", "messages"],
  responses: ["messages", "chat"],
  chat: ["responses", "messages"],
};

/** An account and what it is asked for: the client's operation, or another that it is translated into. */
export interface Served {
  readonly account: AccountRecord;
  readonly operation: Operation;
  /** This request finds out whether a limit that has ended holds still. */
  readonly isProbe: boolean;
  /** Another account would serve if it were not limited. */
  readonly takesOver: boolean;
}

export interface ChooserDeps {
  readonly runtime: { readonly clock: Pick<Clock, "now"> };
  readonly limits: Pick<Limits, "policyOf" | "sessions"> & {
    readonly cooling: Pick<Limits["cooling"], "of" | "rowOf">;
  };
}

/** What choosing needs to know of a request. */
export type ChooserCall = Pick<ProxyCall, "key" | "operation" | "trace" | "adminUrl">;

/**
 * Chooses for one request. The operation is the client's wherever an account answers it, and only otherwise one that it is
 * translated into; a limit never moves a request into translation.
 */
export class AccountChooser {
  readonly policy: RequestPolicy;
  /** Names the session; null where the request names none, or where nothing can move. */
  readonly session: string | null;
  readonly #deps: ChooserDeps;
  readonly #call: ChooserCall;
  readonly #target: Target;
  readonly #accounts: readonly AccountRecord[];
  readonly #tried: string[] = [];
  #operation: Operation;

  constructor(
    deps: ChooserDeps,
    call: ChooserCall,
    target: Target,
    { accounts, session }: { accounts: readonly AccountRecord[]; session: string | null },
  ) {
    this.policy = policyFor(deps, call, target);
    this.session = session;
    this.#deps = deps;
    this.#call = call;
    this.#target = target;
    this.#accounts = accounts;
    this.#operation = call.operation;
  }

  /** The account for the request. Throws `KleisError` where none can serve now. */
  first(): Served {
    const answerable = this.#answerable();
    if (answerable === null) throw this.#refusalOf(this.#decide(this.#inputs(this.#anyOperation())));
    const { operation, inputs, usual } = answerable;
    this.#operation = operation;
    const isEstimate = this.#call.operation === "count_tokens" && operation !== "count_tokens";
    const decision = this.#decide(inputs);
    // An estimate calls no provider.
    const served = isEstimate ? this.#served(usual.accountId) : this.#servedBy(decision, usual);
    if (served === null) throw this.#refusalOf(decision);
    return served;
  }

  /** The account that takes over from those that were tried; null where there is none. */
  next(): Served | null {
    const inputs = this.#inputs([this.#operation]);
    return this.#servedBy(this.#decide(inputs), usualAccount(inputs.candidates));
  }

  /** The request was sent with this account. */
  tried(accountId: string): void {
    this.#tried.push(accountId);
  }

  /** The error once every account that was tried is limited. */
  exhausted(): KleisError {
    return this.#refusalOf(this.#decide(this.#inputs([this.#operation])));
  }

  #anyOperation(): readonly Operation[] {
    return [this.#call.operation, ...TRANSLATED[this.#call.operation]];
  }

  /** The first operation that some account can answer, limits apart, and which account would. */
  #answerable(): { operation: Operation; inputs: DecisionInputs; usual: Candidate } | null {
    for (const operation of this.#anyOperation()) {
      const inputs = this.#inputs([operation]);
      const usual = usualAccount(inputs.candidates);
      if (usual !== undefined) return { operation, inputs, usual };
    }
    return null;
  }

  #inputs(operations: readonly Operation[]): DecisionInputs {
    const { runtime, limits } = this.#deps;
    const { provider, resolved } = this.#target;
    return decisionInputs({
      accounts: this.#accounts,
      provider: provider.id,
      model: resolved.model,
      policy: this.policy,
      bound: limits.sessions.boundTo(this.session),
      tried: [...this.#tried],
      now: runtime.clock.now(),
      canServe: ({ id }) => operations.some((operation) => resolved.answers.get(id)?.includes(operation)),
      inScope: (id) => mayUseAccount(this.#call.key, id),
      cooling: (id, model) => limits.cooling.of(id, model),
    });
  }

  #decide(inputs: DecisionInputs): Decision {
    const decision = decide(inputs);
    this.#call.trace.decided(inputs, decision);
    return decision;
  }

  #servedBy(decision: Decision, usual: Candidate | undefined): Served | null {
    if (!decision.ok) return null;
    const takesOver = decision.accountId !== usual?.accountId;
    return this.#served(decision.accountId, { isProbe: decision.isProbe, takesOver });
  }

  #served(accountId: string, how = { isProbe: false, takesOver: false }): Served | null {
    const account = this.#accountOf(accountId);
    return account === undefined ? null : { account, operation: this.#operation, ...how };
  }

  #accountOf(id: string | undefined): AccountRecord | undefined {
    return this.#accounts.find((account) => account.id === id);
  }

  #refusalOf(decision: Decision): KleisError {
    if (decision.ok) throw new Error("an account can serve and was not chosen");
    return noAccount(decision, this.#call, this.#target, {
      limit: this.#deps.limits.cooling.rowOf(decision.accountId ?? "", this.#target.resolved.model),
      account: this.#accountOf(decision.accountId ?? ""),
      now: this.#deps.runtime.clock.now(),
    });
  }
}

/** What the owner allows for a request of this key. */
export function policyFor(
  { limits }: { readonly limits: Pick<Limits, "policyOf"> },
  { key }: Pick<ProxyCall, "key">,
  { provider }: Pick<Target, "provider">,
): RequestPolicy {
  return requestPolicy(limits.policyOf(provider.id), key.failover);
}

/** Where the account is known to refuse this request as it is, another operation of its own that takes it. */
export async function operationFor(
  { runtime: { config } }: Pick<ProxyDeps, "runtime">,
  { provider, resolved }: Target,
  { account, operation }: Pick<Served, "account" | "operation">,
  body: RequestBody,
): Promise<Operation> {
  if (provider.instead === undefined) return operation;
  const { model } = resolved;
  const instead = await body.read(
    ({ value }) => provider.instead?.({ operation, model, account, body: value, config }) ?? null,
  );
  return instead !== null && resolved.answers.get(account.id)?.includes(instead) ? instead : operation;
}

function noAccount(
  { code, resetsAt }: RefusedRequest,
  { adminUrl, operation }: ChooserCall,
  { provider: { name }, resolved }: Target,
  known: Parameters<typeof accountBlocked>[0],
): KleisError {
  switch (code) {
    case "provider_not_configured":
      return new KleisError(
        code,
        `${name} has no account that can be used. Connect or enable one at ${adminUrl}.`,
      );
    case "account_needs_login":
      return new KleisError(code, `The ${name} account must sign in again. Do so at ${adminUrl}.`);
    case "key_scope":
      return new KleisError(
        code,
        `This key may not use any ${name} account that could answer. Issue a key with a wider scope at ${adminUrl}.`,
      );
    case "protocol_not_supported": {
      const routes = [...new Set([...resolved.answers.values()].flat())]
        .filter((served) => served !== "count_tokens")
        .map((served) => `POST /v1${ROUTE[served]}`);
      const instead = routes.length === 0 ? "" : ` Use ${routes.join(" or ")} for it.`;
      return new KleisError(
        code,
        `${name} does not answer ${JSON.stringify(resolved.model)} on POST /v1${ROUTE[operation]}.${instead}`,
        { param: "model" },
      );
    }
    case "account_blocked":
      return accountBlocked(known, name, adminUrl);
    case "accounts_exhausted":
      return accountsExhausted({ ...known, resetsAt, operation }, name, adminUrl);
  }
}
