/**
 * OAuth calls through `oauth4webapi` over a provider's identity fetch. A provider whose server departs from the standard says
 * how in `OauthServer`; what the server answered is kept beside what the standard makes of it, so that nothing is lost.
 */
import * as oauth from "oauth4webapi";
import { isLoopback } from "../config.ts";
import type { JsonObject } from "../json.ts";
import { USER_AGENT } from "../version.ts";
import { type ProviderResponse, readResponse } from "./identity-response.ts";
import type { IdentityFetch } from "./provider.ts";

/** An authorization server, and where it departs from the standard. */
export interface OauthServer {
  readonly tokenUrl: string;
  readonly deviceUrl?: string;
  /** Public: none of the three has a secret. */
  readonly clientId: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Writes the fields in another form than `application/x-www-form-urlencoded`. */
  readonly encode?: (fields: URLSearchParams) => { type: string; body: string };
  /** Brings an answer into the standard's form. What the caller gets is the answer as it came. */
  readonly toStandard?: (response: ProviderResponse) => { status: number; json: JsonObject | null };
}

/** What a call was answered: in the standard's terms a success, or not. `json` is the answer as it came. */
export type Answer = { ok: true; json: JsonObject } | { ok: false; response: ProviderResponse };

export interface Authorization {
  readonly authorizeUrl: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly state: string;
  /** Fields in front of the standard ones, and behind them. */
  readonly before?: Readonly<Record<string, string>>;
  readonly after?: Readonly<Record<string, string>>;
}

/** What a call was answered, as it came. */
export function responseOf(answer: Answer): ProviderResponse {
  return answer.ok ? { status: 200, json: answer.json } : answer.response;
}

/**
 * What a call was given by its status alone. A token is given once: it is kept whatever else the standard has to say of
 * the answer (providers/claude.md §1.5).
 */
export function givenBy(answer: Answer): JsonObject | null {
  const { status, json } = responseOf(answer);
  return status >= 200 && status < 300 ? json : null;
}

/** Where the browser is sent, and the verifier that stays here (RFC 7636, S256). */
export async function authorizationUrl(request: Authorization): Promise<{ url: string; verifier: string }> {
  const verifier = oauth.generateRandomCodeVerifier();
  const query = new URLSearchParams({
    ...request.before,
    client_id: request.clientId,
    response_type: "code",
    redirect_uri: request.redirectUri,
    scope: request.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state: request.state,
    ...request.after,
  });
  return { url: `${request.authorizeUrl}?${query}`, verifier };
}

export interface CodeGrant {
  readonly code: string;
  readonly redirectUri: string;
  readonly verifier: string;
  /** Fields that the standard does not know. */
  readonly extra?: Record<string, string>;
}

/** Exchanges an authorization code; its state was compared when it was read. */
export function codeGrant(identity: IdentityFetch, server: OauthServer, grant: CodeGrant): Promise<Answer> {
  return call(identity, server, async (as, client, options) => {
    const parameters = oauth.validateAuthResponse(as, client, new URLSearchParams({ code: grant.code }));
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      oauth.None(),
      parameters,
      grant.redirectUri,
      grant.verifier,
      { ...options, additionalParameters: grant.extra ?? {} },
    );
    await oauth.processAuthorizationCodeResponse(as, client, response);
  });
}

export function refreshGrant(
  identity: IdentityFetch,
  server: OauthServer,
  refreshToken: string,
): Promise<Answer> {
  return call(identity, server, async (as, client, options) => {
    const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, options);
    await oauth.processRefreshTokenResponse(as, client, response);
  });
}

/** Asks for a device and a user code (RFC 8628 §3.1). */
export function deviceAuthorization(
  identity: IdentityFetch,
  server: OauthServer,
  scope: string,
): Promise<Answer> {
  return call(identity, server, async (as, client, options) => {
    const response = await oauth.deviceAuthorizationRequest(as, client, oauth.None(), { scope }, options);
    await oauth.processDeviceAuthorizationResponse(as, client, response);
  });
}

/** Polls once (RFC 8628 §3.4). */
export function deviceGrant(
  identity: IdentityFetch,
  server: OauthServer,
  deviceCode: string,
): Promise<Answer> {
  return call(identity, server, async (as, client, options) => {
    const response = await oauth.deviceCodeGrantRequest(as, client, oauth.None(), deviceCode, options);
    await oauth.processDeviceCodeResponse(as, client, response);
  });
}

type Options = oauth.HttpRequestOptions<"POST", URLSearchParams>;

async function call(
  identity: IdentityFetch,
  server: OauthServer,
  run: (as: oauth.AuthorizationServer, client: oauth.Client, options: Options) => Promise<void>,
): Promise<Answer> {
  let response: ProviderResponse | undefined;
  const { protocol, hostname, origin } = new URL(server.tokenUrl);
  const as = {
    issuer: origin,
    token_endpoint: server.tokenUrl,
    ...(server.deviceUrl === undefined ? {} : { device_authorization_endpoint: server.deviceUrl }),
  };
  const options: Options = {
    headers: { "user-agent": USER_AGENT, ...server.headers },
    // The configuration takes http:// on loopback alone.
    [oauth.allowInsecureRequests]: protocol === "http:" && isLoopback(hostname),
    async [oauth.customFetch](url, init) {
      const headers = new Headers(init.headers);
      const encoded = server.encode?.(init.body);
      if (encoded !== undefined) headers.set("content-type", encoded.type);
      const body = encoded?.body ?? init.body.toString();
      response = await readResponse(
        await identity.fetch(url, { method: init.method, headers, body }),
        identity.now(),
      );
      return toResponse(server.toStandard?.(response) ?? response);
    },
  };
  try {
    await run(as, { client_id: server.clientId }, options);
  } catch (error) {
    if (response !== undefined && isRefusal(error)) return { ok: false, response };
    throw error;
  }
  const json = response?.json;
  if (response === undefined || !json) throw new Error("an OAuth call succeeded without an answer");
  return { ok: true, json };
}

/**
 * What `oauth4webapi` is shown. Not the id token: its claims are read where they are needed, and no source verifies it
 * (providers/codex.md §1.5). Not a lifetime that is none. `token_type` is optional here (providers/claude.md §1.5).
 */
function toResponse({ status, json }: { status: number; json: JsonObject | null }): Response {
  if (json === null) return new Response(null, { status, headers: { "content-type": "text/plain" } });
  const { id_token: _, expires_in, ...rest } = json;
  const isLifetime = typeof expires_in === "number" && expires_in > 0;
  return new Response(
    JSON.stringify({ token_type: "bearer", ...rest, ...(isLifetime ? { expires_in } : {}) }),
    { status, headers: { "content-type": "application/json" } },
  );
}

/** True for what is wrong with an answer; a mistake of ours is thrown on. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof oauth.OperationProcessingError ||
    error instanceof oauth.ResponseBodyError ||
    error instanceof oauth.UnsupportedOperationError
  );
}
