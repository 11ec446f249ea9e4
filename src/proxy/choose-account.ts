/** The account that serves a request, or the error that says why none can. */
import { type Decision, decide } from "../accounts/decide.ts";
import { KleisError } from "../errors.ts";
import { mayUseAccount } from "../keys/scope.ts";
import { ROUTE } from "../protocols/protocol.ts";
import type { AccountRecord } from "../storage/port.ts";
import type { ProxyCall, ProxyDeps, Target } from "./context.ts";

export function chooseAccount(
  { runtime }: Pick<ProxyDeps, "runtime">,
  call: ProxyCall,
  target: Target,
  accounts: readonly AccountRecord[],
): AccountRecord {
  const { provider, resolved } = target;
  const decision = decide({
    accounts,
    provider,
    canServe: ({ id }) => resolved.answers.get(id)?.includes(call.operation) ?? false,
    scope: (id) => mayUseAccount(call.key, id),
    now: runtime.clock.now(),
  });
  if (decision.ok) return decision.account;
  throw noAccount(decision, call, target);
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
