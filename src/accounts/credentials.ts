/** The secret that a request goes upstream with: the account's own, as fresh as the store knows it. */
import { KleisError } from "../errors.ts";
import type { Credential } from "../providers/provider.ts";
import type { AccountRecord, AccountSecrets } from "../storage/port.ts";
import type { AccountDirectory } from "./directory.ts";

export interface Credentials {
  /** Throws `account_needs_login` when the account holds nothing that could be sent. */
  fresh(account: AccountRecord): Promise<Credential>;
  /** After the provider refused `rejected` with 401: another credential to try once, or null when there is none. */
  renew(account: AccountRecord, rejected: Credential): Promise<Credential | null>;
}

export function createCredentials(directory: AccountDirectory): Credentials {
  const fresh = async (account: AccountRecord) =>
    toCredential(account, await directory.secretsOf(account.id));
  return {
    fresh,
    async renew(account, rejected) {
      directory.forget(account.id);
      const current = await fresh(account);
      return current.token === rejected.token ? null : current;
    },
  };
}

function toCredential(account: AccountRecord, secrets: AccountSecrets | null): Credential {
  const token = account.kind === "api_key" ? secrets?.apiKey : secrets?.accessToken;
  if (token) return { kind: account.kind, token };
  throw new KleisError(
    "account_needs_login",
    `The account ${account.id} holds no token. Connect it again on the admin page.`,
  );
}
