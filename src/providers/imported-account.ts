/** Every account that a provider makes of a sign-in or an import starts here. */
import type { ImportedAccount } from "./provider.ts";

type Absent = "externalId" | "label";

type Fields = Pick<ImportedAccount, "provider" | "kind"> &
  Partial<Omit<ImportedAccount, Absent>> & { [Name in Absent]?: string | undefined };

/** An account with these fields. Every other secret is null, the metadata empty, the expiry unknown. */
export function importedAccount({ externalId, label, ...fields }: Fields): ImportedAccount {
  return {
    metadata: {},
    expiresAt: null,
    accessToken: null,
    refreshToken: null,
    idToken: null,
    apiKey: null,
    ...fields,
    ...(externalId === undefined ? {} : { externalId }),
    ...(label === undefined ? {} : { label }),
  };
}
