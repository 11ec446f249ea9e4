/**
 * Signing in at Anthropic: `max` keeps the plan's tokens, `console` mints an API key and discards the tokens. In both
 * the owner pastes the `code#state` that the callback page shows (providers/claude.md §1).
 */
import { KleisError } from "../../errors.ts";
import { text } from "../../json.ts";
import { readCallbackInput } from "../callback-input.ts";
import { badResponseError, isTransient } from "../identity-response.ts";
import { importedAccount } from "../imported-account.ts";
import { authorizationUrl, codeGrant, grantedBy } from "../oauth.ts";
import type { IdentityFetch, ImportedAccount, SignIn, SignInComplete, SignInStart } from "../provider.ts";
import { nameOf } from "./identity.ts";
import { PROFILE } from "./profile.ts";
import { lookUpProfile, mintApiKey } from "./sign-in-account.ts";
import { type ClaudeTokens, readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

const CONSOLE = "console";
const AGAIN = "Open the address again and paste the new code.";

export const signIn: SignIn = {
  modes: [
    {
      id: "max",
      name: "My Claude plan",
      hint: "Against Anthropic’s rules for tools other than its own: the account may be suspended.",
      againstTerms: true,
    },
    {
      id: CONSOLE,
      name: "A new API key",
      hint: "Allowed by Anthropic. Billed per token. You sign in at the Console once, and Kleis keeps only the key.",
    },
  ],
  ownKeyHint: "Allowed by Anthropic. Billed per token.",
  callbackInput: {
    label: "Paste the code",
    hint: "The last page shows it. Copy all of it, also what follows the #.",
  },

  async start({ mode, state, config }) {
    const { url, verifier } = await authorizeAddress({ mode, state, config });
    return { method: "paste", url, secret: { verifier } };
  },

  async complete(input, identity) {
    const pasted = readCallbackInput(input.code ?? "", input.state);
    if ("error" in pasted) return { status: "ended", error: denied(pasted.error) };
    const tokens = await exchange(pasted.code, input, identity);
    const { config } = input;
    if (input.mode === CONSOLE) {
      const apiKey = await mintApiKey(tokens.accessToken, config, identity);
      return { status: "connected", account: await account(tokens, apiKey, input, identity) };
    }
    if (tokens.refreshToken === null) {
      throw new KleisError(
        "upstream_invalid_response",
        `${SERVER} responded without a refresh token, so the sign-in would expire within hours. ${AGAIN}`,
      );
    }
    return { status: "connected", account: await account(tokens, null, input, identity) };
  },
};

/** The page that a sign-in opens. */
export function authorizeAddress({ mode, state, config }: Pick<SignInStart, "mode" | "state" | "config">) {
  const isConsole = mode === CONSOLE;
  return authorizationUrl({
    authorizeUrl: isConsole ? config.CLAUDE_CONSOLE_AUTHORIZE_URL : config.CLAUDE_AUTHORIZE_URL,
    clientId: config.CLAUDE_CLIENT_ID,
    redirectUri: PROFILE.signIn.redirectUri,
    scope: isConsole ? PROFILE.signIn.consoleScope : PROFILE.signIn.scope,
    state,
    before: PROFILE.signIn.authorizeFields,
  });
}

type Exchanged = ClaudeTokens & { accessToken: string };

async function exchange(code: string, input: SignInComplete, identity: IdentityFetch): Promise<Exchanged> {
  const response = await codeGrant(identity, tokenServer(input.config), {
    code,
    redirectUri: PROFILE.signIn.redirectUri,
    verifier: text(input.secret.verifier) ?? "",
    extra: { state: input.state },
  });
  const granted = grantedBy(response);
  const tokens = granted === null ? null : readTokens(granted, identity.now());
  if (tokens !== null && tokens.accessToken !== null) return { ...tokens, accessToken: tokens.accessToken };
  if ([400, 401].includes(response.status) && !isTransient(response)) {
    throw new KleisError(
      "invalid_request",
      `Anthropic did not accept this code: it was used already, is too old, or belongs to another sign-in. ${AGAIN}`,
      { param: "code" },
    );
  }
  throw badResponseError(SERVER, response, `Wait a moment. ${AGAIN}`);
}

async function account(
  tokens: Exchanged,
  apiKey: string | null,
  { config }: SignInComplete,
  identity: IdentityFetch,
): Promise<ImportedAccount> {
  const profile = await lookUpProfile(tokens.accessToken, config, identity);
  const metadata = { ...profile, ...tokens.metadata };
  const who = { provider: "claude", externalId: nameOf(metadata), metadata };
  if (apiKey !== null) {
    delete metadata.scopes;
    delete metadata.login_expires_at;
    delete metadata.plan;
  }
  if (apiKey !== null) return importedAccount({ ...who, kind: "api_key", apiKey });
  const { expiresAt, accessToken, refreshToken } = tokens;
  return importedAccount({ ...who, kind: "oauth", expiresAt, accessToken, refreshToken });
}

function denied(error: string): KleisError {
  return new KleisError(
    "invalid_request",
    error === "access_denied"
      ? "Access was denied at Anthropic, so nothing was connected. Start again when you want to allow it."
      : "Anthropic ended the sign-in with an error instead of a code. Start again.",
    { param: "code" },
  );
}
