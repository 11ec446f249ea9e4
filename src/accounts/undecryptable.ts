/** The refusal in words for something stored that does not open. Names the account, never what is stored of it. */
import { KleisError } from "../errors.ts";
import type { SealError } from "../storage/seal.ts";

const ADD_KEY = "Add the former key to ENCRYPTION_KEY (comma-separated, behind the present one)";

export function undecryptable(cause: SealError): KleisError {
  const { place, fault } = cause;
  if (place.table === "provider_accounts") {
    const words =
      fault === "unknown_key"
        ? `The secrets of account ${place.row} do not open with the present ENCRYPTION_KEY. ${ADD_KEY}, or connect the account again on the admin page.`
        : `The stored secrets of account ${place.row} were changed, moved or put back outside of Kleis and do not open. Connect the account again on the admin page.`;
    return new KleisError("account_needs_login", words, { cause });
  }
  const words =
    fault === "unknown_key"
      ? `This does not open with the present ENCRYPTION_KEY. ${ADD_KEY}.`
      : "What is stored of this was changed, moved or put back outside of Kleis and does not open. Begin again, or issue a new key.";
  return new KleisError("internal_error", words, { cause });
}
