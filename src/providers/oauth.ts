/**
 * OAuth requests built by `oauth4webapi` and sent through a provider's identity fetch. Responses are read here and by the
 * providers: the library's `process…` functions reject responses that carry a token which is granted only once, because a
 * field that nothing here needs is missing or odd (`token_type`, `expires_in`, an id token that it cannot verify), and
 * GitHub reports errors with status 200.
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
}

export interface Authorization {
  readonly authorizeUrl: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly state: string;
  /** Fields before and after the standard ones. */
  readonly before?: Readonly<Record<string, string>>;
  readonly after?: Readonly<Record<string, string>>;
}

/**
 * The body of a successful response, judged by status alone. A token is granted only once, so it is kept even if the rest
 * of the response departs from the standard (providers/claude.md §1.5).
 */
export function grantedBy({ status, json }: ProviderResponse): JsonObject | null {
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
export function codeGrant(
  identity: IdentityFetch,
  server: OauthServer,
  grant: CodeGrant,
): Promise<ProviderResponse> {
  return call(identity, server, async (as, client, options) => {
    const parameters = oauth.validateAuthResponse(as, client, new URLSearchParams({ code: grant.code }));
    return oauth.authorizationCodeGrantRequest(
      as,
      client,
      oauth.None(),
      parameters,
      grant.redirectUri,
      grant.verifier,
      { ...options, additionalParameters: grant.extra ?? {} },
    );
  });
}

export function refreshGrant(
  identity: IdentityFetch,
  server: OauthServer,
  refreshToken: string,
): Promise<ProviderResponse> {
  return call(identity, server, (as, client, options) =>
    oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, options),
  );
}

/** Asks for a device and a user code (RFC 8628 §3.1). */
export function deviceAuthorization(
  identity: IdentityFetch,
  server: OauthServer,
  scope: string,
): Promise<ProviderResponse> {
  return call(identity, server, (as, client, options) =>
    oauth.deviceAuthorizationRequest(as, client, oauth.None(), { scope }, options),
  );
}

/** Polls once (RFC 8628 §3.4). */
export function deviceGrant(
  identity: IdentityFetch,
  server: OauthServer,
  deviceCode: string,
): Promise<ProviderResponse> {
  return call(identity, server, (as, client, options) =>
    oauth.deviceCodeGrantRequest(as, client, oauth.None(), deviceCode, options),
  );
}

type Options = oauth.HttpRequestOptions<"POST", URLSearchParams>;

async function call(
  identity: IdentityFetch,
  server: OauthServer,
  run: (as: oauth.AuthorizationServer, client: oauth.Client, options: Options) => Promise<unknown>,
): Promise<ProviderResponse> {
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
      // For the library's types only: nothing reads it.
      return new Response(null, { status: 200 });
    },
  };
  await run(as, { client_id: server.clientId }, options);
  if (response === undefined) throw new Error("an OAuth call ended without a response");
  return response;
}
