/** A database as it may be after years: very many keys and accounts, put in by SQL that takes seconds, not minutes. */
import type { Client, InStatement } from "@libsql/client";
import { sha256Hex } from "../src/bytes.ts";
import { providerById } from "../src/providers/index.ts";
import { sealSecrets } from "../src/storage/libsql/account-row.ts";
import type { Storage } from "../src/storage/port.ts";
import type { Sealer } from "../src/storage/seal.ts";

/** Keys that nobody uses: every fifth expired, every seventh revoked, every tenth limited to one account. */
export async function addKeys(client: Client, count: number): Promise<void> {
  await client.execute({
    sql: `
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
      insert into api_keys (
        id, label, prefix, hash, sealed_key, discovery_hash, sealed_discovery_token,
        providers, models, accounts, created_at, expires_at, revoked_at
      )
      select
        'key_' || printf('%016d', i), 'Key ' || i, 'kleis_' || printf('%04d', i % 10000),
        lower(hex(randomblob(32))), hex(randomblob(64)), lower(hex(randomblob(32))), hex(randomblob(64)),
        null, null, case when i % 10 = 0 then '["acc_' || (i % 1000) || '"]' end,
        1700000000000 + i * 1000,
        case when i % 5 = 0 then 1700000000000 + i * 2000 end,
        case when i % 7 = 0 then 1700000000000 + i * 3000 end
      from n`,
    args: [count],
  });
}

/** Working keys whose texts are known; the texts. */
export async function addKnownKeys(client: Client, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, at) => `kleis_${`known-${at}-`.padEnd(43, "x")}`);
  const statements = texts.map(async (text, at) => ({
    sql: `insert into api_keys (
        id, label, prefix, hash, sealed_key, discovery_hash, sealed_discovery_token, created_at
      ) values (?, 'known', 'kleis_know', ?, '', ?, '', ?)`,
    args: [
      `key_known_${at}`,
      await sha256Hex(text),
      await sha256Hex(`token of ${text}`),
      1_800_000_000_000 + at,
    ],
  }));
  await client.batch(await Promise.all(statements), "write");
  return texts;
}

const KINDS = [
  ["claude", "oauth"],
  ["claude", "api_key"],
  ["codex", "oauth"],
  ["codex", "api_key"],
  ["copilot", "oauth"],
] as const;

/** Accounts that open and are enabled, none of them the primary; with tokens as long as the providers' are. */
export async function addAccounts(client: Client, sealer: Sealer, count: number): Promise<void> {
  const token = (at: number, length: number) => `token-${at}-`.padEnd(length, "x");
  const statements: InStatement[] = [];
  for (let at = 0; at < count; at++) {
    const [provider, kind] = KINDS[at % KINDS.length] ?? KINDS[0];
    const id = `acc_${at}`;
    const isOauth = kind === "oauth";
    const secrets = await sealSecrets(sealer, id, 0, {
      accessToken: isOauth ? token(at, provider === "codex" ? 2_000 : 110) : null,
      refreshToken: isOauth ? token(at, 110) : null,
      idToken: provider === "codex" && isOauth ? token(at, 1_800) : null,
      apiKey: isOauth ? null : token(at, 110),
    });
    statements.push({
      sql: `insert into provider_accounts (
          id, provider, kind, external_id, label, enabled, is_primary, status, metadata, expires_at,
          created_at, updated_at, access_token, refresh_token, id_token, api_key
        ) values (?, ?, ?, ?, ?, 1, 0, 'active', ?, null, ?, ?, ?, ?, ?, ?)`,
      args: [
        ...[id, provider, kind, `owner-${at}`, `Account ${at}`],
        JSON.stringify({ email: `owner-${at}@example.com`, plan: "pro", account_id: `owner-${at}` }),
        ...[1_700_000_000_000 + at, 1_700_000_000_000 + at],
        ...[secrets.accessToken, secrets.refreshToken, secrets.idToken, secrets.apiKey],
      ],
    });
  }
  await client.batch(statements, "write");
}

/** Gives each account of the crowd the list of models that `of` says for its provider, as if it had been fetched now. */
export async function addModelLists(
  storage: Storage,
  of: Readonly<Record<string, string>>,
  now: number,
): Promise<void> {
  const stored = JSON.parse((await storage.settings.get("models.live")) ?? "{}") as Record<string, object>;
  const accounts = await storage.accounts.list();
  const lists = accounts.flatMap(({ id, provider, kind }) => {
    const hasList = providerById(provider)?.modelList?.kinds.includes(kind) ?? false;
    const list = hasList ? stored[of[provider] ?? ""] : undefined;
    return list === undefined ? [] : [[id, { ...list, at: now }] as const];
  });
  await storage.settings.set("models.live", JSON.stringify(Object.fromEntries(lists)), now);
}
