/** Brings accounts in from tokens, a key, or an agent's credential file. Importing the same account again updates it. */
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { randomId, sha256Hex } from "../keys/secret.ts";
import type { ImportedAccount, ImportInput, Provider } from "../providers/provider.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord } from "../storage/port.ts";

/** What to import: one account's material, or a whole credential file. */
export type AccountImport = { provider: string; account: ImportInput } | { file: JsonObject };

/** Characters of a label at most. */
export const LABEL_MAX = 120;

/** Stores what the import holds and answers it as stored. Throws `KleisError("invalid_request")` with what to do. */
export async function importAccounts(
  runtime: Runtime,
  providers: readonly Provider[],
  input: AccountImport,
): Promise<AccountRecord[]> {
  const found = "file" in input ? fromFile(providers, input.file) : [fromMaterial(providers, input)];
  const saved: AccountRecord[] = [];
  // One after the other: the first account of a provider becomes its primary.
  const wished = "file" in input ? undefined : input.account.label;
  for (const { provider, imported } of found)
    saved.push(await saveAccount(runtime, provider, imported, wished));
  return saved;
}

/**
 * Stores one account that a provider described (from an import or a sign-in). One that was there keeps the label that
 * its owner gave it, unless another is wished now.
 */
export async function saveAccount(
  runtime: Runtime,
  provider: Pick<Provider, "id" | "name">,
  imported: ImportedAccount,
  wishedLabel?: string,
): Promise<AccountRecord> {
  const { kind, metadata, expiresAt, accessToken, refreshToken, idToken, apiKey } = imported;
  const now = runtime.clock.now();
  const record = await runtime.storage.accounts.save({
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
    now,
  });
  if (wishedLabel === undefined || record.label === wishedLabel) return record;
  return (await runtime.storage.accounts.update(record.id, { label: wishedLabel }, now)) ?? record;
}

type Found = { provider: Provider; imported: ImportedAccount };

function fromFile(providers: readonly Provider[], file: JsonObject): Found[] {
  const found = providers.flatMap((provider) =>
    provider.importFile(file).map((imported) => ({ provider, imported })),
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
  if (!provider.kinds.includes(input.account.kind)) {
    throw new KleisError(
      "invalid_request",
      `${provider.name} has no accounts of this kind. Known: ${provider.kinds.join(", ")}.`,
      { param: "kind" },
    );
  }
  return { provider, imported: provider.importAccount(input.account) };
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
