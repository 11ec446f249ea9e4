/**
 * Signing in at Anthropic: `max` keeps the plan's tokens, `console` mints an API key and throws the tokens away. Either
 * way the owner pastes the `code#state` that the callback page shows (providers/claude.md §1).
 */
import { KleisError } from "../../errors.ts";
import { text } from "../../json.ts";
import { isPassing, unusable } from "../heard.ts";
import { authorizationUrl, codeGrant } from "../oauth.ts";
import { readPasted } from "../pasted.ts";
import type { ImportedAccount, ProviderNet, SignIn, SignInComplete } from "../provider.ts";
import { PROFILE } from "./profile.ts";
import { lookUpProfile, mintApiKey } from "./sign-in-account.ts";
import { type ClaudeTokens, readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

const CONSOLE = "console";
const AGAIN = "Open the address again and paste the new code.";

export const signIn: SignIn = {
  modes: ["max", CONSOLE],

  async start({ mode, state, config }) {
    const isConsole = mode === CONSOLE;
    const { url, verifier } = await authorizationUrl({
      authorizeUrl: isConsole ? config.CLAUDE_CONSOLE_AUTHORIZE_URL : config.CLAUDE_AUTHORIZE_URL,
      clientId: config.CLAUDE_CLIENT_ID,
      redirectUri: PROFILE.signIn.redirectUri,
      scope: isConsole ? PROFILE.signIn.consoleScope : PROFILE.signIn.scope,
      state,
      before: { code: "true" },
    });
    return { method: "paste", url, secret: { verifier } };
  },

  async complete(input, net) {
    const pasted = readPasted(input.code ?? "", input.state);
    if ("error" in pasted) return { status: "ended", error: denied(pasted.error) };
    const tokens = await exchange(pasted.code, input, net);
    const { config } = input;
    if (input.mode === CONSOLE) {
      const apiKey = await mintApiKey(tokens.accessToken, config, net);
      return { status: "connected", account: await account(tokens, apiKey, input, net) };
    }
    if (tokens.refreshToken === null) {
      throw new KleisError(
        "upstream_invalid_response",
        `${SERVER} answered without a refresh token, so that the sign-in would end within hours. ${AGAIN}`,
      );
    }
    return { status: "connected", account: await account(tokens, null, input, net) };
  },
};

async function exchange(code: string, input: SignInComplete, net: ProviderNet): Promise<ClaudeTokens> {
  const answer = await codeGrant(net, tokenServer(input.config), {
    code,
    redirectUri: PROFILE.signIn.redirectUri,
    verifier: text(input.secret.verifier) ?? "",
    extra: { state: input.state },
  });
  if (answer.ok) {
    const tokens = readTokens(answer.json, net.now());
    if (tokens !== null) return tokens;
  } else if ([400, 401].includes(answer.heard.status) && !isPassing(answer.heard)) {
    throw new KleisError(
      "invalid_request",
      `Anthropic did not accept this code: it was used already, is too old, or belongs to another sign-in. ${AGAIN}`,
      { param: "code" },
    );
  }
  const heard = answer.ok ? { status: 200, json: answer.json } : answer.heard;
  throw unusable(SERVER, heard, `Wait a moment. ${AGAIN}`);
}

async function account(
  tokens: ClaudeTokens,
  apiKey: string | null,
  { config }: SignInComplete,
  net: ProviderNet,
): Promise<ImportedAccount> {
  const profile = await lookUpProfile(tokens.accessToken, config, net);
  const metadata = { ...profile, ...tokens.metadata };
  const owner = text(metadata.account_uuid);
  const organization = text(metadata.organization_uuid);
  if (apiKey !== null) {
    delete metadata.scopes;
    delete metadata.login_expires_at;
    delete metadata.plan;
  }
  return {
    provider: "claude",
    kind: apiKey === null ? "oauth" : "api_key",
    // One person may have a plan of her own and a seat of a team: each is an account here.
    ...(owner === undefined
      ? {}
      : { externalId: organization === undefined ? owner : `${owner}:${organization}` }),
    metadata,
    expiresAt: apiKey === null ? tokens.expiresAt : null,
    accessToken: apiKey === null ? tokens.accessToken : null,
    refreshToken: apiKey === null ? tokens.refreshToken : null,
    idToken: null,
    apiKey,
  };
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
