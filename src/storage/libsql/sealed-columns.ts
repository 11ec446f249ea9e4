/** Every place of the database that holds `seal.ts` texts: what a rotation walks and a wrong key is recognised by. */
import { getTableColumns, getTableName } from "drizzle-orm";
import { KEY_CHECK } from "./key-check.ts";
import { apiKeys, oauthStates, providerAccounts, systemSettings } from "./schema.ts";
import { SEALED_PREFIX } from "./settings.ts";

export interface SealedColumn {
  readonly table: string;
  /** The primary key's column, whose value is the `row` of a place. */
  readonly id: string;
  readonly column: string;
  /** The column of the version that a text is bound to; absent where there is none. */
  readonly version?: string;
  /** Only this row holds a sealed text, or those whose id begins so; without either every row does where it is not null. */
  readonly only?: string;
  readonly prefix?: string;
}

const accounts = getTableColumns(providerAccounts);
const keys = getTableColumns(apiKeys);
const states = getTableColumns(oauthStates);
const settings = getTableColumns(systemSettings);

/** The check value last: as long as a rotation has not ended, the former key still counts as one that belongs here. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  ...[accounts.accessToken, accounts.refreshToken, accounts.idToken, accounts.apiKey].map((column) => ({
    table: getTableName(providerAccounts),
    id: accounts.id.name,
    column: column.name,
    version: accounts.tokenVersion.name,
  })),
  ...[keys.sealedKey, keys.sealedDiscoveryToken].map((column) => ({
    table: getTableName(apiKeys),
    id: keys.id.name,
    column: column.name,
  })),
  {
    table: getTableName(oauthStates),
    id: states.state.name,
    column: states.secret.name,
    version: states.version.name,
  },
  {
    table: getTableName(systemSettings),
    id: settings.key.name,
    column: settings.value.name,
    prefix: SEALED_PREFIX,
  },
  {
    table: getTableName(systemSettings),
    id: settings.key.name,
    column: settings.value.name,
    only: KEY_CHECK,
  },
];
