/** Checks an API key with one free request before it is stored. */
import { withDeadline } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { ImportedAccount, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";

/** Time limit, ms: the owner waits for the result. */
const CHECK_MS = 10_000;

/** A provider's verdict on a key: `unknown` when it could not be reached or gave no clear verdict. */
export type KeyVerdict = "accepted" | "refused" | "unknown";

export async function checkKey(
  runtime: Runtime,
  provider: Pick<Provider, "checkKey">,
  { apiKey }: Pick<ImportedAccount, "apiKey">,
): Promise<KeyVerdict> {
  const request = apiKey === null ? undefined : provider.checkKey?.(apiKey, runtime.config);
  if (request === undefined) return "unknown";
  const deadline = { clock: runtime.clock, ms: CHECK_MS, reason: () => "took too long" };
  try {
    const { status, body } = await withDeadline(deadline, (signal) =>
      send(runtime.fetch, { ...request, method: "GET", signal }),
    );
    await body?.cancel();
    if (status === 401 || status === 403) return "refused";
    return status >= 200 && status < 300 ? "accepted" : "unknown";
  } catch {
    // No connection, a timeout or an invalid response: the key may be valid.
    return "unknown";
  }
}

/** Error for a key that its provider rejects. */
export function keyRejected(name: string): KleisError {
  return new KleisError(
    "credential_rejected",
    `${name} rejected this API key, so it was not saved. Copy it again from the provider's console, or create a new one there.`,
    { param: "api_key" },
  );
}
