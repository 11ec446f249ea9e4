/** The account that serves a request and what it is asked for, or the error that says why none can. */
import { type Decision, decide } from "../accounts/decide.ts";
import { KleisError } from "../errors.ts";
import { mayUseAccount } from "../keys/scope.ts";
import { type Operation, type Protocol, ROUTE } from "../protocols/protocol.ts";
import type { AccountRecord } from "../storage/port.ts";
import type { ProxyCall, ProxyDeps, Target } from "./context.ts";
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
}

/**
 * The account that answers the client's operation; only where none can now, one that answers another. A limit that an
 * account has run into plays no part, so that it never moves a request into translation.
 */
export function chooseAccount(
  { runtime }: Pick<ProxyDeps, "runtime">,
  call: ProxyCall,
  target: Target,
  accounts: readonly AccountRecord[],
): Served {
  const { provider, resolved } = target;
  const answers = ({ id }: AccountRecord) => resolved.answers.get(id) ?? [];
  const decideFor = (canServe: (account: AccountRecord) => boolean) =>
    decide({
      accounts,
      provider,
      canServe,
      scope: (id) => mayUseAccount(call.key, id),
      now: runtime.clock.now(),
    });
  const operations = [call.operation, ...TRANSLATED[call.operation]];
  for (const operation of operations) {
    const decision = decideFor((account) => answers(account).includes(operation));
    if (decision.ok) return { account: decision.account, operation };
  }
  const none = decideFor((account) => operations.some((operation) => answers(account).includes(operation)));
  throw none.ok ? new Error("an account can serve and was not chosen") : noAccount(none, call, target);
}

/** Where the account is known to refuse this request as it is, another operation of its own that takes it. */
export async function operationFor(
  { runtime: { config } }: Pick<ProxyDeps, "runtime">,
  { provider, resolved }: Target,
  { account, operation }: Served,
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
  { code }: Extract<Decision, { ok: false }>,
  { adminUrl, operation }: ProxyCall,
  { provider: { name }, resolved }: Target,
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
  }
}
