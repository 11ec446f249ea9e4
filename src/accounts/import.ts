/** Brings accounts in from tokens, a key, or an agent's credential file. Importing the same account again updates it. */

import { sha256Hex } from "../bytes.ts";
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { randomId } from "../keys/secret.ts";
import type { ImportedAccount, ImportInput, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import { type AccountRecord, type NewAccount, SpentTokenError } from "../storage/port.ts";
import { isRefusal, NOT_CHECKED } from "./credential-rejection.ts";
import { refuseMisplaced } from "./recognise-secret.ts";
import { checkKey, keyRejected } from "./verify-key.ts";

/** What to import: one account's material, or a whole credential file. */
export type AccountImport = { provider: string; account: ImportInput } | { file: JsonObject };

/** What is stored now, and what of the import is not, in words for the owner. */
export interface Imported {
  accounts: AccountRecord[];
  notes: string[];
}

/** An account as it is stored now; with a note when that is not what was brought. */
export interface Brought {
  account: AccountRecord;
  note?: string;
}

/** Characters of a label at most. */
export const LABEL_MAX = 120;

/**
 * Stores what the import holds. Throws `KleisError` with what to do when that is nothing: `invalid_request`, or
 * `credential_rejected` for an API key that its provider refuses.
 */
export async function importAccounts(
  runtime: Runtime,
  providers: readonly Provider[],
  input: AccountImport,
): Promise<Imported> {
  const found = "file" in input ? fromFile(providers, input.file) : [fromMaterial(providers, input)];
  const accounts: AccountRecord[] = [];
  const notes: string[] = [];
  // One after the other: the first account of a provider becomes its primary.
  for (const { provider, read, entry, label } of found) {
    try {
      const imported = read();
      refuseMisplaced(providers, provider, imported);
      const brought = await saveChecked(runtime, provider, imported, label);
      accounts.push(brought.account);
      if (brought.note !== undefined) notes.push(brought.note);
    } catch (error) {
      // One entry of a file that is of no use keeps none of the others out.
      if (!(error instanceof KleisError) || found.length === 1) throw error;
      notes.push(`${entry}: ${error.message}`);
    }
  }
  if (accounts.length > 0) return { accounts, notes };
  throw new KleisError("invalid_request", notes.join(" "), { param: "file" });
}

/** Saves it; an API key only after its provider was asked and did not refuse it. */
async function saveChecked(
  runtime: Runtime,
  provider: Provider,
  imported: ImportedAccount,
  label: string | undefined,
): Promise<Brought> {
  if (imported.kind !== "api_key") return saveAccount(runtime, provider, imported, label);
  const verdict = await checkKey(runtime, provider, imported);
  if (verdict === "refused") throw keyRejected(provider.name);
  if (verdict === "accepted") return saveAccount(runtime, provider, imported, label);
  return {
    ...(await saveAccount(runtime, provider, imported, label, NOT_CHECKED)),
    note: `${provider.name} could not be asked about this API key: it is saved, but not checked.`,
  };
}

/**
 * Stores one account that a provider described (from an import or a sign-in). One that was there keeps the label that
 * its owner gave it, unless another is wished now, and newer tokens than those that are brought. A primary whose key the
 * provider refuses gives way to it: requests would go on failing there. `statusReason` is what to say beside it. Throws `KleisError("invalid_request")` for
 * tokens that are used up where nothing better is stored.
 */
export async function saveAccount(
  runtime: Runtime,
  provider: Pick<Provider, "id" | "name" | "isSame">,
  imported: ImportedAccount,
  wishedLabel?: string,
  statusReason: string | null = null,
): Promise<Brought> {
  const { kind, metadata, expiresAt, accessToken, refreshToken, idToken, apiKey } = imported;
  const now = runtime.clock.now();
  const { accounts } = runtime.storage;
  const wish: NewAccount = {
    id: randomId(runtime, "acc_"),
    provider: provider.id,
    kind,
    externalId: imported.externalId ?? (await fingerprint(imported)),
    label: (wishedLabel ?? imported.label ?? defaultLabel(provider.name, imported)).slice(0, LABEL_MAX),
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
    .save(wish, isSame && ((stored) => isSame(stored, wish)))
    .then((account): Brought => ({ account }), keptInstead);
  const named =
    wishedLabel === undefined || record.label === wishedLabel
      ? record
      : await accounts.update(record.id, { label: wishedLabel }, now);
  const isNeeded = record.enabled && !record.primary && (await accounts.list()).some(isRefused(provider.id));
  const account = (isNeeded ? await accounts.makePrimary(record.id, now) : named) ?? record;
  return { account, ...note };
}

/** For tokens that a refresh has replaced: what that refresh brought is better than they are, unless it has ended. */
function keptInstead(error: unknown): Brought {
  if (!(error instanceof SpentTokenError)) throw error;
  const { account } = error;
  if (account.status === "active") {
    return {
      account,
      note: `“${account.label}”: what you brought is older than what Kleis holds, which was renewed since. Kleis keeps the newer tokens.`,
    };
  }
  throw new KleisError(
    "invalid_request",
    `“${account.label}”: these tokens are used up, for Kleis has renewed them since, and the account must sign in again. Connect it, or import the tokens of a new sign-in.`,
  );
}

/** The provider's primary account, when its key is refused. */
const isRefused =
  (provider: string) =>
  (account: AccountRecord): boolean =>
    account.provider === provider && account.primary && isRefusal(account.statusReason);

/** One account to make, and how what it is made of is called. */
interface Found {
  readonly provider: Provider;
  readonly entry: string;
  /** The label that the owner wants. */
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
    "No account was found in this file. Known files: OpenCode's auth.json, Codex's auth.json and Claude Code's .credentials.json; send the parsed JSON of one as `file`.",
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

/** Stands in for an external id: the longest-lived secret's SHA-256, so that the same material is the same account. */
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
