/**
 * What can be done to accounts, keys, models and sign-ins. The JSON API and the admin page both call these functions:
 * each takes a decoded input and returns a value or throws `KleisError`. Authorization and decoding are the caller's.
 */
import type { AdminDeps } from "../context.ts";
import { type AccountActions, createAccountActions } from "./accounts.ts";
import { createExplain, type Explain } from "./explain.ts";
import { createKeyActions, type KeyActions } from "./keys.ts";
import { createLiveCheckActions, type LiveCheckActions } from "./live-checks.ts";
import { createModelActions, type ModelActions } from "./models.ts";
import { createPolicyActions, type PolicyActions } from "./policies.ts";
import { createSignInActions, type SignInActions } from "./sign-in.ts";

export interface AdminActions {
  readonly accounts: AccountActions;
  readonly keys: KeyActions;
  readonly explain: Explain;
  readonly liveChecks: LiveCheckActions;
  readonly models: ModelActions;
  readonly policies: PolicyActions;
  readonly signIn: SignInActions;
}

/** One set per application: a sign-in that was started on the page can be completed over the API, and vice versa. */
export function createAdminActions(deps: AdminDeps): AdminActions {
  return {
    accounts: createAccountActions(deps),
    keys: createKeyActions(deps),
    explain: createExplain(deps),
    liveChecks: createLiveCheckActions(deps),
    models: createModelActions(deps),
    policies: createPolicyActions(deps),
    signIn: createSignInActions(deps),
  };
}
