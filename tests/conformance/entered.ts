/** Every secret that was given to a door or made by it in its run, by what the wire and the stand-ins have seen. */
import { ADMIN_TOKEN, SECRETS } from "../../harness/secrets.ts";
import { type Dict, objectOf, walk } from "../fakes/inspect.ts";
import type { RecordedRequest } from "../fakes/server.ts";
import type { TokenKind } from "../fakes/tokens.ts";
import { Marks } from "../security/marked.ts";
import { outgoing } from "../security/outgoing.ts";
import { type Exchange, headersOf } from "./exchange.ts";
import type { World } from "./world.ts";

type Secret = readonly [kind: string, value: unknown];

/** Kleis's own and those that clients bring it: none of them is any provider's business. */
export const OWN_KINDS = [
  "admin token",
  "encryption key",
  "database token",
  "issued key",
  "discovery token",
  "session",
  "credential of a client",
] as const;

const TOKENS: Record<TokenKind, string> = {
  access: "access token",
  refresh: "refresh token",
  id: "id token",
  api_key: "provider's API key",
};

export const TOKEN_KINDS = Object.values(TOKENS);

/** Fields of calls to the providers' identity servers. */
const SIGN_IN_FIELDS: Record<string, string> = {
  code: "authorization code",
  code_verifier: "PKCE verifier",
  device_code: "device code",
  device_auth_id: "device code",
};

/** Fields of imports, in every format that is read. */
const IMPORTED_FIELD = /^(access|refresh|id)(_?token)?$|^(openai_)?api_?key$/i;

export function secretsOf({ fakes, stage }: World, exchanges: readonly Exchange[]): Marks {
  const encryptionKey = SECRETS.ENCRYPTION_KEY ?? "";
  const { claude, codex, copilot } = fakes;
  const secrets: Secret[] = [
    ["admin token", ADMIN_TOKEN],
    ["encryption key", encryptionKey],
    ["encryption key", Buffer.from(encryptionKey, "base64").toString("latin1")],
    ["database token", stage.variables.TURSO_AUTH_TOKEN],
    ...[claude, codex, copilot].flatMap((fake) =>
      fake.tokens.list().map(({ kind, token }): Secret => [TOKENS[kind], token]),
    ),
    ...outgoing(fakes).flatMap(signInSecrets),
    ...exchanges.flatMap(shownBy),
    ...exchanges.flatMap(sentWith),
  ];
  const marks = new Marks();
  for (const [kind, value] of secrets) marks.add(kind, value);
  return marks;
}

/** What an answer may show, once: a key to who makes or reveals it, a session to who logs in. */
export function shownBy({ method, path, answer }: Exchange): Secret[] {
  if (answer === null || method !== "POST") return [];
  if (path === "/admin/login") {
    return headersOf(answer, "set-cookie")
      .flatMap(cookieValues)
      .map((value) => ["session", value]);
  }
  if (!/^\/admin\/keys(\/[^/]+\/reveal)?$/.test(path)) return [];
  const { key, discovery_token } = parsed(answer.body);
  return [
    ["issued key", key],
    ["discovery token", discovery_token],
  ];
}

/** What a client brought: known, unknown or wrong. */
function sentWith({ path, request }: Exchange): Secret[] {
  const credentials = [
    ...headersOf(request, "authorization").map((value) => value.replace(/^Bearer /, "")),
    ...headersOf(request, "x-api-key"),
    ...headersOf(request, "cookie").flatMap(cookieValues),
    ...(path === "/admin/login" ? [parsed(request.body).token] : []),
    /^\/models\/([^/]+)\/api\.json$/.exec(path)?.[1],
  ];
  const imported = path === "/admin/accounts/import" ? [...walk(parsed(request.body))] : [];
  return [
    ...credentials.map((value): Secret => ["credential of a client", value]),
    ...imported
      .flatMap((object) => Object.entries(object))
      .filter(([name]) => IMPORTED_FIELD.test(name))
      .map(([, value]): Secret => ["imported credential", value]),
  ];
}

/** One-time secrets of sign-ins, as Kleis sends them to an identity server. */
function signInSecrets({ json, body }: RecordedRequest): Secret[] {
  const fields = objectOf(json) ?? Object.fromEntries(new URLSearchParams(body.toString()));
  return Object.entries(SIGN_IN_FIELDS).map(([name, kind]) => [kind, fields[name]]);
}

function cookieValues(header: string): string[] {
  return header.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
}

function parsed(body: Buffer): Dict {
  try {
    return objectOf(JSON.parse(body.toString())) ?? {};
  } catch {
    return {};
  }
}
