/** How a secret is told by its beginning, and what it is. */
export interface SecretShape {
  readonly prefix: string;
  /** Null for one that no account can be made of. */
  readonly kind: "api_key" | "access_token" | "refresh_token" | null;
  /** With its article, for sentences: “an OpenAI API key”. */
  readonly name: string;
}
