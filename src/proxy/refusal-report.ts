/** How the provider took a request, for the request's line and for the owner of the account: refusals, by their class. */
import type { LastRefusals } from "../accounts/last-refusals.ts";
import type { KleisError } from "../errors.ts";
import { createRedactor } from "../log/redact.ts";
import type { RequestLog } from "../log/request-log.ts";
import type { SaidError } from "../protocols/error-shape.ts";
import type { Refusal } from "../providers/refusal.ts";
import type { AccountRecord } from "../storage/port.ts";

export interface RefusalReport {
  /**
   * The provider refused, in these words; `lasts` where asking again within a minute is pointless, as far as is known. Only
   * the first counts.
   */
  refused(refusal: Refusal, said?: Pick<SaidError, "message" | "code" | "type">, lasts?: boolean): void;
  /** There was no answer of the provider's. */
  unanswered(error: KleisError): void;
  /** The answer came to its end; does nothing where it was a refusal. */
  succeeded(): void;
}

export interface ReportedRequest {
  readonly log: RequestLog;
  readonly refusals: LastRefusals;
  readonly account: AccountRecord;
  /** The model's id as the provider spells it. */
  readonly model: string;
  /** True where tokens are counted. */
  readonly counts: boolean;
  readonly now: () => number;
  /** What the account's credential was, and is after a renewal. */
  readonly sentTokens: readonly string[];
  readonly onRefusal: (refusal: Refusal) => void;
}

/** Characters of a provider's words that are kept. */
const MAX_WORDS = 300;

/** By shape alone: what is secret by value has been taken out before. */
const { redact } = createRedactor();

export function reportRefusals(request: ReportedRequest): RefusalReport {
  const { log, refusals, account, model, counts, now } = request;
  const since = now();
  let isRefused = false;

  /** On one line, without what opens the account. */
  function shown(words: string | undefined): string | null {
    const line = (words ?? "").replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim();
    if (line === "") return null;
    const hidden = request.sentTokens.reduce((text, token) => text.replaceAll(token, "[hidden]"), line);
    const safe = redact(hidden);
    return safe.length <= MAX_WORDS ? safe : `${safe.slice(0, MAX_WORDS)}…`;
  }

  function report(refusal: Refusal, words: string | null, code?: string, lasts = false): void {
    if (isRefused) return;
    isRefused = true;
    request.onRefusal(refusal);
    const { class: name, scope, advice } = refusal;
    log.addFields({
      refusal: name,
      ...(code === undefined ? {} : { refusal_code: code }),
      // What is wrong with a request is said by quoting it.
      ...(words === null || name === "content" ? {} : { refusal_words: words }),
    });
    if (advice === null || (name === "limit" && !lasts)) return;
    // Of a key that is refused the account's status tells (accounts/credential-rejection.ts).
    if (name === "login" && account.kind === "api_key") return;
    refusals.refused(account, { class: name, scope, model, counts, words, advice, at: now() });
  }

  return {
    refused(refusal, said, lasts = refusal.lasting !== null) {
      const code = shown(said?.code ?? said?.type);
      report(refusal, shown(said?.message), code ?? undefined, lasts);
    },
    unanswered({ code, message }) {
      if (code !== "upstream_unreachable" && code !== "upstream_timeout") return;
      // Its words are ours, and end with what to do. A wait that was too long may be the provider's.
      const advice = code === "upstream_unreachable" ? message : null;
      report({ class: "network", scope: "route", lasting: null, advice, isTold: false }, null, code);
    },
    succeeded() {
      if (!isRefused) refusals.succeeded(account, { model, counts, since });
    },
  };
}
