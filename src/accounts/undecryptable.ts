/** Error for stored data that cannot be decrypted. Names the account, never the stored data. */
import { KleisError } from "../errors.ts";
import type { SealError } from "../storage/seal.ts";

const ADD_KEY = "Add the former key to ENCRYPTION_KEY (comma-separated, after the current one)";

export function undecryptable(cause: SealError): KleisError {
  const { place, fault } = cause;
  if (place.table === "provider_accounts") {
    const words =
      fault === "unknown_key"
        ? `The secrets of account ${place.row} cannot be decrypted with the current ENCRYPTION_KEY. ${ADD_KEY}, or connect the account again on the admin page.`
        : `The stored secrets of account ${place.row} cannot be decrypted: they were changed, moved or restored outside Kleis. Connect the account again on the admin page.`;
    return new KleisError("account_needs_login", words, { cause });
  }
  const words =
    fault === "unknown_key"
      ? `This cannot be decrypted with the current ENCRYPTION_KEY. ${ADD_KEY}.`
      : "The stored data cannot be decrypted: it was changed, moved or restored outside Kleis. Start again, or issue a new key.";
  return new KleisError("internal_error", words, { cause });
}
