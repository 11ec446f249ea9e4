/** Why a server could not be reached, in words for the owner: what failed, by the code that the runtime gave, and what to do. */
import { errorCodeOf } from "./error-code.ts";

interface Failure {
  /** Whole codes, or how they begin. */
  readonly codes: RegExp;
  readonly what: string;
  readonly advice: string;
}

const OWN_CA =
  "If a company or antivirus proxy inspects TLS here, set NODE_EXTRA_CA_CERTS to the PEM file of its CA certificate and start Kleis again.";
const CLOCK =
  "Check the clock of the machine that Kleis runs on; else the server must renew its certificate.";

/** The first that fits counts. Codes: Node's `errors` and `dns`, OpenSSL's verify results, undici's docs of errors. */
const FAILURES: readonly Failure[] = [
  {
    codes: /^PROXY_HTTP_407$/,
    what: "the proxy wants a name and a password",
    advice: "Put the right ones into the proxy's address (HTTPS_PROXY=http://name:password@host:port).",
  },
  {
    codes: /^PROXY_HTTP_/,
    what: "the proxy refuses to connect to it",
    advice: "Have this host allowed on the proxy, or name it in NO_PROXY if it can be reached directly.",
  },
  {
    codes: /^(PROXY_|UND_ERR_PRX_)/,
    what: "the proxy itself could not be reached",
    advice: "Check the proxy's address in HTTPS_PROXY or HTTP_PROXY, and that the proxy runs.",
  },
  {
    codes: /^(ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|EREFUSED|ENONAME|EBADNAME)$/,
    what: "its name could not be resolved",
    advice:
      "Check the DNS of the machine that Kleis runs on. If this network is left only through a proxy, set HTTPS_PROXY.",
  },
  {
    codes: /^ECONNREFUSED$/,
    what: "the connection was refused",
    advice: "Check the address and port, and that no firewall is in the way.",
  },
  {
    codes: /^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    what: "the connection was not made in time",
    advice: "Check that no firewall drops it. If this network is left only through a proxy, set HTTPS_PROXY.",
  },
  {
    codes: /^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/,
    what: "there is no way to it from here",
    advice:
      "Check the network of the machine that Kleis runs on. If it is left only through a proxy, set HTTPS_PROXY.",
  },
  {
    codes: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|CRL_HAS_EXPIRED|CRL_NOT_YET_VALID)$/,
    what: "its certificate is not valid at this time",
    advice: CLOCK,
  },
  {
    codes: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    what: "its certificate is for another name",
    advice: `Check the configured address. ${OWN_CA}`,
  },
  {
    codes:
      /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CRL_|ERROR_IN_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_|CA_)/,
    what: "its certificate is not trusted",
    advice: OWN_CA,
  },
  {
    codes: /^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/,
    what: "no TLS connection could be made",
    advice:
      "Check that the address is that of an https:// server, and that nothing between changes the connection.",
  },
  {
    codes: /^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/,
    what: "the connection was closed before a response",
    advice: "Try again. If it stays so, a firewall or a proxy may be closing it.",
  },
  {
    codes: /^(EMFILE|ENFILE|ENOBUFS|ENOMEM)$/,
    what: "this machine has no more connections to give",
    advice: "Raise the limit of open files for Kleis (ulimit -n).",
  },
  {
    codes: /^(HPE_|UND_ERR_)/,
    what: "its response was not valid HTTP",
    advice: "Check the configured address, and that nothing in between changes the response.",
  },
];

const UNKNOWN = {
  what: "the connection failed",
  advice: "Check the network of the machine that Kleis runs on.",
};

/** What a code of the network says; undefined for any other code. */
export function networkFailure(code: string | undefined): { what: string; advice: string } | undefined {
  return code === undefined ? undefined : FAILURES.find(({ codes }) => codes.test(code));
}

/**
 * Of what a runtime's `fetch` threw: what failed, with the code and without a full stop (null where the runtime gives no
 * code), and what to do. Holds nothing else of the error.
 */
export function explain(error: unknown): { reason: string | null; advice: string } {
  const code = errorCodeOf(error);
  const { what, advice } = networkFailure(code) ?? UNKNOWN;
  return { reason: code === undefined ? null : `${what} (${code})`, advice };
}
