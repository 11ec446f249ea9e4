/** Imports accounts from tokens, an API key, or an agent's credential file. Importing the same account again updates it. */

import { sha256Hex } from "../bytes.ts";
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { randomId } from "../keys/secret.ts";
import type { ImportedAccount, ImportInput, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { type AccountRecord, type NewAccount, SpentTokenError } from "../storage/port.ts";
import { namesOfKnownFiles } from "./credential-file.ts";
import { isRejection, NOT_CHECKED } from "./credential-rejection.ts";
import { refuseMisplaced } from "./recognise-secret.ts";
import { checkKey, keyRejected } from "./verify-key.ts";

/** What to import: one account's material, or a whole credential file. */
export type AccountImport = { provider: string; account: ImportInput } | { file: JsonObject };

/** What is stored now; `notes` tell the owner which entries were not imported, and why. */
export interface Imported {
  accounts: AccountRecord[];
  notes: string[];
}

/** An account as it is stored now, with a note when that is not what was imported. */
export interface SaveResult {
  account: AccountRecord;
  note?: string;
}

/** Maximum length of a label, in characters. */
export const LABEL_MAX = 120;

/**
 * Stores every account of the import. Throws `KleisError` when none could be stored: `invalid_request`, or
 * `credential_rejected` for an API key that its provider rejects.
 */
export async function importAccounts(
  runtime: Runtime,
  providers: readonly Provider[],
  input: AccountImport,
): Promise<Imported> {
  const found = "file" in input ? fromFile(providers, input.file) : [fromMaterial(providers, input)];
  const accounts: AccountRecord[] = [];
  const notes: string[] = [];
  // Sequential: the first account of a provider becomes its primary.
  for (const { provider, read, entry, label } of found) {
    try {
      const imported = read();
      refuseMisplaced(providers, provider, imported);
      const saved = await saveChecked(runtime, provider, imported, label);
      accounts.push(saved.account);
      if (saved.note !== undefined) notes.push(saved.note);
    } catch (error) {
      // An unusable entry of a file does not prevent the others from being imported.
      if (!(error instanceof KleisError) || found.length === 1) throw error;
      notes.push(`${entry}: ${error.message}`);
    }
  }
  if (accounts.length > 0) return { accounts, notes };
  throw new KleisError("invalid_request", notes.join(" "), { param: "file" });
}

/** Saves the account; an API key only if its provider does not reject it. */
async function saveChecked(
  runtime: Runtime,
  provider: Provider,
  imported: ImportedAccount,
  label: string | undefined,
): Promise<SaveResult> {
  if (imported.kind !== "api_key") return saveAccount(runtime, provider, imported, label);
  const verdict = await checkKey(runtime, provider, imported);
  if (verdict === "refused") throw keyRejected(provider.name);
  if (verdict === "accepted") return saveAccount(runtime, provider, imported, label);
  return {
    ...(await saveAccount(runtime, provider, imported, label, NOT_CHECKED)),
    note: `${provider.name} could not be reached to check this API key: it is saved, but not checked.`,
  };
}

/**
 * Stores one account that a provider described (from an import or a sign-in). An existing account keeps its label,
 * unless `requestedLabel` gives another, and keeps its tokens where they are newer than the imported ones. If the
 * provider's primary account has a rejected key, the new account becomes the primary. `statusReason` is shown beside
 * the account. Throws `KleisError("invalid_request")` for used-up tokens when nothing better is stored.
 */
export async function saveAccount(
  runtime: Runtime,
  provider: Pick<Provider, "id" | "name" | "isSame">,
  imported: ImportedAccount,
  requestedLabel?: string,
  statusReason: string | null = null,
): Promise<SaveResult> {
  const { kind, metadata, expiresAt, accessToken, refreshToken, idToken, apiKey } = imported;
  const now = runtime.clock.now();
  const { accounts } = runtime.storage;
  const newAccount: NewAccount = {
    id: randomId(runtime, "acc_"),
    provider: provider.id,
    kind,
    externalId: imported.externalId ?? (await fingerprint(imported)),
    label: (requestedLabel ?? imported.label ?? defaultLabel(provider.name, imported)).slice(0, LABEL_MAX),
    metadata,
    expiresAt,
    accessToken,
    refreshToken,
    idToken,
    apiKey,
    statusReason,
    now,
  };
  const { isSame } = provider;
  const { account: record, ...note } = await accounts
    .save(newAccount, isSame && ((stored) => isSame(stored, newAccount)))
    .then((account): SaveResult => ({ account }), keepNewerTokens);
  const named =
    requestedLabel === undefined || record.label === requestedLabel
      ? record
      : await accounts.update(record.id, { label: requestedLabel }, now);
  const isNeeded =
    record.enabled && !record.primary && (await accounts.list()).some(isRejectedPrimary(provider.id));
  const account = (isNeeded ? await accounts.makePrimary(record.id, now) : named) ?? record;
  return { account, ...note };
}

/** Handles tokens that a refresh has replaced: the refreshed ones stay, unless that sign-in has ended. */
function keepNewerTokens(error: unknown): SaveResult {
  if (!(error instanceof SpentTokenError)) throw error;
  const { account } = error;
  if (account.status === "active") {
    return {
      account,
      note: `“${account.label}”: the imported tokens are older than those that Kleis holds, which were refreshed since. Kleis keeps the newer ones.`,
    };
  }
  throw new KleisError(
    "invalid_request",
    `“${account.label}”: these tokens are used up because Kleis has refreshed them since, and the account must sign in again. Connect it, or import the tokens of a new sign-in.`,
  );
}

/** True for the provider's primary account when its credential is rejected. */
const isRejectedPrimary =
  (provider: string) =>
  (account: AccountRecord): boolean =>
    account.provider === provider && account.primary && isRejection(account.statusReason);

/** An account to import, and the name of its entry for messages. */
interface Found {
  readonly provider: Provider;
  readonly entry: string;
  /** The label that the owner asked for. */
  readonly label: string | undefined;
  read(): ImportedAccount;
}

function fromFile(providers: readonly Provider[], file: JsonObject): Found[] {
  const found = providers.flatMap((provider) =>
    provider
      .importFile(file)
      .map(({ name, read }) => ({ provider, entry: `“${name}”`, label: undefined, read })),
  );
  if (found.length > 0) return found;
  throw new KleisError(
    "invalid_request",
    `No account was found in this file. Known files: ${namesOfKnownFiles(providers, "'")}; send the parsed JSON of one as \`file\`.`,
    { param: "file" },
  );
}

function fromMaterial(
  providers: readonly Provider[],
  input: { provider: string; account: ImportInput },
): Found {
  const provider = providers.find(({ id }) => id === input.provider);
  if (provider === undefined) {
    const known = providers.map(({ id }) => id).join(", ");
    throw new KleisError("invalid_request", `There is no such provider. Known: ${known}.`, {
      param: "provider",
    });
  }
  const { account } = input;
  if (!provider.kinds.includes(account.kind)) {
    throw new KleisError(
      "invalid_request",
      `${provider.name} has no accounts of this kind. Known: ${provider.kinds.join(", ")}.`,
      { param: "kind" },
    );
  }
  return {
    provider,
    entry: provider.name,
    label: account.label,
    read: () => provider.importAccount(account),
  };
}

/** Replaces a missing external id: a hash of the longest-lived secret, so that the same credential is the same account. */
async function fingerprint({ refreshToken, accessToken, apiKey }: ImportedAccount): Promise<string> {
  const secret = refreshToken ?? accessToken ?? apiKey;
  if (secret === null) {
    throw new KleisError("invalid_request", "The account has neither a token nor a key.");
  }
  return `fp_${(await sha256Hex(secret)).slice(0, 32)}`;
}

function defaultLabel(name: string, { kind, metadata }: ImportedAccount): string {
  for (const who of [metadata.email, metadata.login]) {
    if (typeof who === "string" && who !== "") return `${name} ${who}`;
  }
  return kind === "api_key" ? `${name} API key` : `${name} sign-in`;
}
