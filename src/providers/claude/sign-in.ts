/**
 * Signing in at Anthropic: `max` keeps the plan's tokens, `console` mints an API key and throws the tokens away. Either
 * way the owner pastes the `code#state` that the callback page shows (providers/claude.md §1).
 */
import { KleisError } from "../../errors.ts";
import { text } from "../../json.ts";
import { readPasted } from "../callback-input.ts";
import { isPassing, unusable } from "../identity-response.ts";
import { authorizationUrl, codeGrant, givenBy, heardOf } from "../oauth.ts";
import type { ImportedAccount, ProviderNet, SignIn, SignInComplete, SignInStart } from "../provider.ts";
import { nameOf } from "./identity.ts";
import { PROFILE } from "./profile.ts";
import { lookUpProfile, mintApiKey } from "./sign-in-account.ts";
import { type ClaudeTokens, readTokens, SERVER, tokenServer } from "./sign-in-tokens.ts";

const CONSOLE = "console";
const AGAIN = "Open the address again and paste the new code.";

export const signIn: SignIn = {
  modes: ["max", CONSOLE],
  mustChoose: true,
  pastes: {
    label: "Paste the code",
    hint: "The last page shows it. Copy all of it, also what follows the #.",
  },

  async start({ mode, state, config }) {
    const { url, verifier } = await authorizeAddress({ mode, state, config });
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

async function exchange(code: string, input: SignInComplete, net: ProviderNet): Promise<Exchanged> {
  const answer = await codeGrant(net, tokenServer(input.config), {
    code,
    redirectUri: PROFILE.signIn.redirectUri,
    verifier: text(input.secret.verifier) ?? "",
    extra: { state: input.state },
  });
  const given = givenBy(answer);
  const tokens = given === null ? null : readTokens(given, net.now());
  if (tokens !== null && tokens.accessToken !== null) return { ...tokens, accessToken: tokens.accessToken };
  const heard = heardOf(answer);
  if ([400, 401].includes(heard.status) && !isPassing(heard)) {
    throw new KleisError(
      "invalid_request",
      `Anthropic did not accept this code: it was used already, is too old, or belongs to another sign-in. ${AGAIN}`,
      { param: "code" },
    );
  }
  throw unusable(SERVER, heard, `Wait a moment. ${AGAIN}`);
}

async function account(
  tokens: Exchanged,
  apiKey: string | null,
  { config }: SignInComplete,
  net: ProviderNet,
): Promise<ImportedAccount> {
  const profile = await lookUpProfile(tokens.accessToken, config, net);
  const metadata = { ...profile, ...tokens.metadata };
  const externalId = nameOf(metadata);
  if (apiKey !== null) {
    delete metadata.scopes;
    delete metadata.login_expires_at;
    delete metadata.plan;
  }
  return {
    provider: "claude",
    kind: apiKey === null ? "oauth" : "api_key",
    ...(externalId === undefined ? {} : { externalId }),
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
