/** Tries an API key with one free request before it is stored. */
import { withDeadline } from "../deadline.ts";
import { KleisError } from "../errors.ts";
import type { ImportedAccount, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { send } from "../send.ts";

/** How long the provider may take, ms: an owner waits for it. */
const CHECK_MS = 10_000;

/** What a provider says of a key: `unknown` where it could not be asked, or says anything but yes and no. */
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
    // No network, no answer in time, or one that is none: nothing is known of the key.
    return "unknown";
  }
}

/** The refusal of a key that its provider does not accept. */
export function keyRejected(name: string): KleisError {
  return new KleisError(
    "credential_rejected",
    `${name} refused this API key, so it was not saved. Copy it again from the provider's console, or make a new one there.`,
    { param: "api_key" },
  );
}
