/** What a provider may know of an account, and the secret that opens it. */
import type { JsonObject } from "../json.ts";

export type CredentialKind = "oauth" | "api_key";

/** What a provider may know of the account that a request uses. */
export interface ProviderAccount {
  readonly id: string;
  readonly kind: CredentialKind;
  /** Who this is at the provider (`providers/*.md`: account id, user id, …). */
  readonly externalId: string;
  readonly metadata: JsonObject;
}

/** An account's name at the provider, and what is known of it. */
export type NamedAccount = Pick<ProviderAccount, "externalId" | "metadata">;

/** The secret that goes upstream: an OAuth access token or an API key. */
export interface Credential {
  readonly kind: CredentialKind;
  readonly token: string;
}
