/** What limits an account, until when, and what happens to its requests meanwhile. */
import type { FC } from "hono/jsx";
import { ACCOUNT_SCOPE, type CoolingClass } from "../../../providers/limit.ts";
import type { LimitRow } from "../../../storage/port.ts";
import { Time } from "../../ui/status.tsx";

const LIMIT_WORDS: Record<CoolingClass, string> = {
  window: "a window of the plan is used up",
  model_window: "the window of this model is used up",
  billing: "credit, a spend limit or a quota is used up",
  denied: "the plan or workspace does not include it",
  blocked: "the provider has stopped the account",
};

export const AccountLimits: FC<{
  limits: readonly LimitRow[];
  /** What becomes of requests that would use the account, in words; undefined where they would not. */
  consequence: string | undefined;
  now: number;
}> = ({ limits, consequence, now }) => (
  <>
    {limits.map((limit) => (
      <p class="status warn limit-line">
        <span class="dot" aria-hidden="true" />
        <span>
          <strong>{limitTitle(limit, now)}</strong>
          {limit.class === "blocked" || limit.until <= now ? null : (
            <span class="why">
              Until {limit.isStated ? "" : "about "}
              <Time at={limit.until}>{utc(limit.until)}</Time>, <Time at={limit.until} now={now} />
              {limit.isStated ? "" : "; the provider has not said when it ends"}.
            </span>
          )}
          {limit.words === null ? null : <span class="why">The provider said: “{limit.words}”</span>}
          {consequence === undefined ? null : <span class="why">{consequence}</span>}
        </span>
      </p>
    ))}
  </>
);

function limitTitle({ class: name, scope, until }: LimitRow, now: number): string {
  if (name === "blocked") return "Stopped by the provider: disable or remove it";
  const whose = scope === ACCOUNT_SCOPE ? "" : ` for ${scope}`;
  const words = LIMIT_WORDS[name];
  return until <= now
    ? `A limit${whose} has ended; the next request finds out: ${words}`
    : `Limited${whose}: ${words}`;
}

function utc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
