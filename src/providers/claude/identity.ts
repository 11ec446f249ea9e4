/** Who a Claude sign-in is: a person and an organization, as far as its metadata says so. */
import { type JsonObject, text } from "../../json.ts";
import type { NamedAccount } from "../account.ts";

const BETWEEN = ":";

/** One person may have a personal plan and a team seat: each is a separate account. Undefined where the response names none. */
export function nameOf({ account_uuid, organization_uuid }: JsonObject): string | undefined {
  const owner = text(account_uuid);
  const organization = text(organization_uuid);
  return owner === undefined || organization === undefined ? owner : owner + BETWEEN + organization;
}

/**
 * An import is stored under a fingerprint, or under the person alone, and learns whose it is when it is first renewed.
 * One that has never been told its organization is taken to be of any.
 */
export function isSame(stored: NamedAccount, found: NamedAccount): boolean {
  const [known, named] = [stored.metadata, found.metadata];
  const owner = text(named.account_uuid);
  if (owner === undefined || text(known.account_uuid) !== owner) return false;
  const organization = text(known.organization_uuid);
  return (
    !stored.externalId.includes(BETWEEN) &&
    (organization === undefined || organization === text(named.organization_uuid))
  );
}
