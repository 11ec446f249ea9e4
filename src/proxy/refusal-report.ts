/** Reports how the provider took a request, to the request's log entry and to the account's owner: refusals by their class. */
import type { LastRefusals } from "../accounts/last-refusals.ts";
import type { KleisError } from "../errors.ts";
import { createRedactor } from "../log/redact.ts";
import type { RequestLog } from "../log/request-log.ts";
import type { ErrorDetails } from "../protocols/error-shape.ts";
import type { Refusal } from "../providers/refusal.ts";
import type { AccountRecord } from "../storage/port.ts";

export interface RefusalReport {
  /**
   * The provider refused, with these details; `lasts` where a retry within a minute is known to be pointless. Only the first
   * counts.
   */
  refused(refusal: Refusal, said?: Pick<ErrorDetails, "message" | "code" | "type">, lasts?: boolean): void;
  /** The provider did not respond. */
  noResponse(error: KleisError): void;
  /** The response came to its end; does nothing where it was a refusal. */
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
  /** The account's credential as it was, and as it is after a renewal. */
  readonly sentTokens: readonly string[];
  /** `words`: the provider's, on one line and without secrets. */
  readonly onRefusal: (refusal: Refusal, words: string | null) => void;
  /** A response has come to its end; `since`: when the request was sent, epoch ms. */
  readonly onSuccess: (since: number) => void;
}

const NO_RESPONSE = {
  class: "network",
  scope: "route",
  lasting: null,
  limit: { class: "edge", covers: "account", waitMs: null, isStated: false, code: "edge" },
  isTold: false,
} as const;

/** How many characters of a provider's message are kept. */
const MAX_WORDS = 300;

/** By shape alone: what is secret by value has been redacted before. */
const { redact } = createRedactor();

export function reportRefusals(request: ReportedRequest): RefusalReport {
  const { log, refusals, account, model, counts, now } = request;
  const since = now();
  let isRefused = false;

  /** On one line, without the account's credentials. */
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
    request.onRefusal(refusal, words);
    const { class: name, scope, advice } = refusal;
    log.addFields({
      refusal: name,
      limit: refusal.limit.class,
      ...(code === undefined ? {} : { refusal_code: code }),
      // A provider explains what is wrong with a request by quoting it.
      ...(words === null || name === "content" ? {} : { refusal_words: words }),
    });
    if (advice === null || (name === "limit" && !lasts)) return;
    // The account's status reports a refused key (accounts/credential-rejection.ts).
    if (name === "login" && account.kind === "api_key") return;
    refusals.refused(account, { class: name, scope, model, counts, words, advice, at: now() });
  }

  return {
    refused(refusal, said, lasts = refusal.lasting !== null) {
      const code = shown(said?.code ?? said?.type);
      report(refusal, shown(said?.message), code ?? undefined, lasts);
    },
    noResponse({ code, message }) {
      if (code !== "upstream_unreachable" && code !== "upstream_timeout") return;
      // Kleis's own message ends with what to do. A timeout may be the provider's fault.
      const advice = code === "upstream_unreachable" ? message : null;
      report({ ...NO_RESPONSE, advice }, null, code);
    },
    succeeded() {
      if (isRefused) return;
      refusals.succeeded(account, { model, counts, since });
      request.onSuccess(since);
    },
  };
}
