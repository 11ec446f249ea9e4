/** What a key may use: pure questions about its scope. A scope that is null does not limit. */
import type { KeyRecord } from "../storage/port.ts";

export function mayUseAccount(key: Pick<KeyRecord, "accounts">, accountId: string): boolean {
  return key.accounts === null || key.accounts.includes(accountId);
}
