/** Who an account is, as far as its metadata tells: what a card and a list of choices call it. */
import { text } from "../../json.ts";
import type { Provider } from "../../providers/provider.ts";
import type { AccountRecord } from "../../storage/port.ts";

export interface Identity {
  /** E-mail or login; undefined when neither is known. */
  readonly who?: string;
  /** The plan's name: that under which it is sold where it is known, else the provider's word for it. */
  readonly plan?: string;
  /** Company, workspace or enterprise domain. */
  readonly where?: string;
  /** When the whole sign-in ends, epoch ms. */
  readonly signInEnds?: number;
}

export function identityOf(
  { metadata }: Pick<AccountRecord, "metadata">,
  provider?: Pick<Provider, "plans">,
): Identity {
  const who = text(metadata.email) ?? text(metadata.login) ?? text(metadata.name);
  const word = text(metadata.plan);
  const plan = word === undefined ? undefined : (provider?.plans?.get(word) ?? word.replaceAll("_", " "));
  const where = text(metadata.organization) ?? text(metadata.domain);
  const ends = metadata.login_expires_at;
  return {
    ...(who === undefined ? {} : { who }),
    ...(plan === undefined ? {} : { plan: plan.charAt(0).toUpperCase() + plan.slice(1) }),
    ...(where === undefined || where === who ? {} : { where }),
    ...(typeof ends === "number" ? { signInEnds: ends } : {}),
  };
}

export const KIND_NAMES = { oauth: "Subscription", api_key: "API key" } as const;
