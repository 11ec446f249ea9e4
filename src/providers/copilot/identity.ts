/** Who a GitHub token belongs to: a user, by number, of github.com or of an enterprise's own domain (providers/copilot.md §1.4). */
import * as z from "zod/mini";
import { type JsonObject, text } from "../../json.ts";
import type { NamedAccount } from "../account.ts";
import type { ProviderResponse } from "../identity-response.ts";
import { PUBLIC_HOSTS } from "./profile.ts";

const word = z.string().check(z.minLength(1));

const userAnswer = z.object({
  id: z.int().check(z.positive()),
  login: word,
  email: z.catch(z.nullish(word), null),
});

/** The user in GitHub's response, as metadata; null when it names none. */
export function userOf({
  status,
  json,
}: ProviderResponse): { user_id: number; login: string; email?: string } | null {
  const decoded = userAnswer.safeParse(json);
  if (status !== 200 || !decoded.success) return null;
  const { id, login, email } = decoded.data;
  return { user_id: id, login, ...(email ? { email } : {}) };
}

/** `domain` is null for github.com. */
export function nameOf(domain: string | null, userId: number): string {
  return `${domain ?? PUBLIC_HOSTS[0]}/${userId}`;
}

/** An import is stored under a fingerprint and learns whose it is when it is first validated. */
export function isSame(stored: NamedAccount, found: NamedAccount): boolean {
  const who = ({ user_id, domain }: JsonObject) =>
    typeof user_id === "number" ? nameOf(text(domain) ?? null, user_id) : null;
  return (
    !stored.externalId.includes("/") &&
    who(stored.metadata) !== null &&
    who(stored.metadata) === who(found.metadata)
  );
}
