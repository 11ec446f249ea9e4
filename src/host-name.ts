/** Names of hosts, judged by their form alone. Pure. */

const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})+$`);
const PRIVATE = /(?:^|\.)(?:localhost|local|internal|lan|home\.arpa)$/;

/** The lower-case name of a public host, or null. The URL parser must agree, which uncovers 0x7f.1 and its kind. */
export function publicHostName(written: string): string | null {
  // Tested before lower-casing: some non-ASCII letters (the Kelvin sign) become ASCII by it.
  if (written.length > 253 || !NAME.test(written)) return null;
  const host = written.toLowerCase();
  if (/\.\d+$/.test(host) || PRIVATE.test(host)) return null;
  if (!URL.canParse(`https://${host}`)) return null;
  return new URL(`https://${host}`).hostname === host ? host : null;
}

/** The same of a name that may be written as an `https://` address without a path. */
export function publicHostOf(written: string): string | null {
  return publicHostName(
    written
      .trim()
      .replace(/^https:\/\//i, "")
      .replace(/\/$/, ""),
  );
}

/** True for the host names that never leave this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
