/** Accounts of every kind that the fakes know, as `POST /admin/accounts/import` takes them. */
import type { Fakes } from "../fakes/index.ts";

/** `claude`, `codex` and `copilot` are sign-ins, the other two API keys. */
export type AccountName = "claude" | "claudeKey" | "codex" | "openaiKey" | "copilot";

export interface AccountImport {
  readonly provider: string;
  readonly kind: "oauth" | "api_key";
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly expires_at?: number;
  readonly account_id?: string;
  readonly api_key?: string;
}

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresAt?: number;
}

/** An import of tokens that a fake has issued. */
export function signIn(provider: string, tokens: Tokens): AccountImport {
  const { accessToken, refreshToken, expiresAt } = tokens;
  return {
    provider,
    kind: "oauth",
    access_token: accessToken,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
  };
}

export function apiKey(provider: string, key: string): AccountImport {
  return { provider, kind: "api_key", api_key: key };
}

/** One of each kind, with newly issued tokens and keys. */
export function importsOf({ claude, codex, copilot }: Fakes): Record<AccountName, AccountImport> {
  const chatgpt = codex.issueTokens();
  return {
    claude: signIn("claude", claude.issueTokens()),
    claudeKey: apiKey("claude", claude.issueApiKey()),
    codex: { ...signIn("codex", chatgpt), account_id: chatgpt.accountId },
    openaiKey: apiKey("codex", codex.issueApiKey()),
    copilot: signIn("copilot", { accessToken: copilot.issueTokens().accessToken }),
  };
}
