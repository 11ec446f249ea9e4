/** A server that cannot be reached: what the owner reads is the kind of failure, the system's code and what to do, nothing else. */
import { describe, expect, test } from "vitest";
import { KleisError } from "../../src/errors.ts";
import { errorLogFields } from "../../src/http/error-response.ts";
import { send } from "../../src/send.ts";
import { explain } from "../../src/unreachable.ts";

const coded = (code: string, message = "connect to https://name:secret@host failed") =>
  Object.assign(new Error(message), { code });

/** What `send` throws where the runtime's `fetch` throws this. */
async function refusalFor(thrown: unknown): Promise<KleisError> {
  const url = "https://api.example.test:8443/v1/messages?key=secret";
  const { origin } = new URL(url);
  const request = { url, method: "POST", headers: new Headers(), origins: [origin] } as const;
  const error: unknown = await send(() => Promise.reject(thrown), request).catch((each: unknown) => each);
  if (!(error instanceof KleisError)) throw new Error("not refused");
  return error;
}

const KINDS: readonly [words: RegExp, codes: readonly string[]][] = [
  [/name could not be resolved .*DNS/, ["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "ESERVFAIL"]],
  [/connection was refused .*port/, ["ECONNREFUSED"]],
  [/not made in time .*HTTPS_PROXY/, ["ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT"]],
  [/no way to it .*HTTPS_PROXY/, ["ENETUNREACH", "EHOSTUNREACH", "EACCES"]],
  [/not valid at this time .*clock/, ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]],
  [/for another name .*NODE_EXTRA_CA_CERTS/, ["ERR_TLS_CERT_ALTNAME_INVALID"]],
  [
    /not trusted .*NODE_EXTRA_CA_CERTS/,
    [
      "SELF_SIGNED_CERT_IN_CHAIN",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "CERT_UNTRUSTED",
      "CERT_REVOKED",
      "CERT_SIGNATURE_FAILURE",
      "INVALID_CA",
    ],
  ],
  [/no TLS connection/, ["EPROTO", "ERR_SSL_WRONG_VERSION_NUMBER", "ERR_TLS_HANDSHAKE_TIMEOUT"]],
  [/closed before a response .*Try again/, ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]],
  [/open files/, ["EMFILE", "ENFILE"]],
  [/not valid HTTP/, ["HPE_INVALID_CONSTANT", "UND_ERR_HEADERS_OVERFLOW"]],
  [/wants a name and a password .*HTTPS_PROXY/, ["PROXY_HTTP_407"]],
  [/proxy refuses .*NO_PROXY/, ["PROXY_HTTP_403", "PROXY_HTTP_503"]],
  [
    /proxy itself .*HTTPS_PROXY/,
    ["PROXY_ECONNREFUSED", "PROXY_ENOTFOUND", "PROXY_FAILED", "UND_ERR_PRX_TLS"],
  ],
  [/connection failed/, ["ENEWCODE"]],
];

describe.each(KINDS.flatMap(([words, codes]) => codes.map((code) => ({ code, words }))))(
  "$code",
  ({ code, words }) => {
    test.each([
      ["as it is thrown", coded(code)],
      ["as a cause", new TypeError("fetch failed", { cause: coded(code) })],
      ["of several attempts", Object.assign(new AggregateError([coded(code)]), { code })],
    ])("%s, is named with what to do", async (_how, thrown) => {
      const refusal = await refusalFor(thrown);
      expect(refusal).toMatchObject({ code: "upstream_unreachable", status: 502 });
      expect(refusal.message).toMatch(words);
      expect(refusal.message).toContain("The provider could not be reached: ");
      expect(refusal.message).toContain(`(${code})`);
      expect(refusal.message).not.toMatch(/secret|example/);
      expect(errorLogFields(refusal)).toEqual({
        status: 502,
        code: "upstream_unreachable",
        outcome: "refused",
        cause: code,
      });
    });
  },
);

test.each([
  ["no code", new TypeError("Network connection lost. secret")],
  ["a number as code", new DOMException("secret", "AbortError")],
  ["a code that might be anything", coded("name:secret@host")],
  ["a code in lower case", coded("secret")],
  ["a text", "secret"],
  ["nothing", undefined],
])("where the runtime gives %s, only that it failed is said", async (_what, thrown) => {
  const refusal = await refusalFor(thrown);
  expect(refusal.message).toBe(
    "The provider could not be reached. Check the network of the machine that Kleis runs on.",
  );
  expect(errorLogFields(refusal)).not.toHaveProperty("cause");
});

test("a cycle of causes ends", () => {
  const ring = new Error("ring");
  ring.cause = ring;
  expect(explain(ring).reason).toBeNull();
});
