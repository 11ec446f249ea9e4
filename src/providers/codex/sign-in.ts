/** Signing in at OpenAI: in the browser with a pasted (or received) callback, or headless by a user code (providers/codex.md §1.2 to §1.6). */
import { KleisError } from "../../errors.ts";
import { text } from "../../json.ts";
import { readCallbackInput } from "../callback-input.ts";
import { authorizationUrl } from "../oauth.ts";
import type { SignIn, SignInStart } from "../provider.ts";
import { SIGN_IN } from "./profile.ts";
import { pollDevice, startDevice } from "./sign-in-device.ts";
import { exchange } from "./sign-in-tokens.ts";

const DEVICE = "device";

export const signIn: SignIn = {
  modes: [
    {
      id: "browser",
      name: "Sign in with this browser",
      hint: "Ends at an address of this machine: Kleis receives it when it runs here; otherwise you paste it.",
    },
    {
      id: DEVICE,
      name: "Type a code on their page",
      hint: "On any device, wherever Kleis runs. Some workspaces must allow it first.",
    },
  ],
  callbackInput: {
    label: "Paste the address that it ends at",
    hint: "All of it, from the bar of the browser. A page that does not load is fine: its address holds the code.",
  },

  async start(input, identity) {
    if (input.mode === DEVICE) return startDevice(input.config, identity);
    const { url, verifier } = await authorizeAddress(input);
    return { method: "paste", url, callback: SIGN_IN.callback, secret: { verifier } };
  },

  async complete(input, identity) {
    if (input.mode === DEVICE) return pollDevice(input, identity);
    const pasted = readCallbackInput(input.code ?? "", input.state);
    if ("error" in pasted) return { status: "ended", error: denied(pasted.error, pasted.description) };
    const grant = {
      code: pasted.code,
      redirectUri: SIGN_IN.redirectUri,
      verifier: text(input.secret.verifier) ?? "",
    };
    return { status: "connected", account: await exchange(grant, input.config, identity) };
  },
};

/** The page that a sign-in in the browser opens. */
export function authorizeAddress({ state, config }: Pick<SignInStart, "state" | "config">) {
  return authorizationUrl({
    authorizeUrl: config.CODEX_AUTH_URL + SIGN_IN.authorizePath,
    clientId: config.CODEX_CLIENT_ID,
    redirectUri: SIGN_IN.redirectUri,
    scope: SIGN_IN.scope,
    state,
    after: SIGN_IN.authorizeFields,
  });
}

function denied(error: string, description: string): KleisError {
  if (error === "access_denied" && description.includes(SIGN_IN.notEntitled)) {
    return new KleisError(
      "invalid_request",
      "This ChatGPT workspace has no Codex. Ask its administrator to allow Codex, or start again with another account or workspace.",
      { param: "code" },
    );
  }
  return new KleisError(
    "invalid_request",
    error === "access_denied"
      ? "Access was denied at OpenAI, so nothing was connected. Start again when you want to allow it."
      : "OpenAI ended the sign-in with an error instead of a code. Start again.",
    { param: "code" },
  );
}
