/**
 * A value that a provider may change, with its date and source. The values stand in each provider's `profile.ts`; its
 * `facts.ts` lists them for people and programs, and the tables in `docs/providers/*.md` are written from that list.
 */
import type { Config } from "../config.ts";

export type FactValue = string | number | RegExp | readonly (string | number)[];

/** How sure it is, by the definitions at the top of the provider's page. */
export type Confidence = "high" | "medium" | "low";

/** Where a fact comes from. */
interface Origin {
  /** When it was last compared with its source: `YYYY-MM` or `YYYY-MM-DD`. */
  readonly date: string;
  /** Section of `docs/providers/<provider>.md`, such as `2.1`. */
  readonly source: string;
  readonly confidence: Confidence;
}

interface Statement {
  /** Unique within the provider. */
  readonly id: string;
  /** What it is, in a few plain words. */
  readonly what: string;
  /** What Kleis uses now: the variable's value where one overrides the profile's. */
  readonly value: FactValue;
  /** The variable that overrides it. Absent: it is changed in `profile.ts`. */
  readonly variable?: keyof Config;
  /** The live check that asks the provider (`Provider.liveChecks`). */
  readonly check?: string;
}

export interface Fact extends Origin, Statement {}

/** Facts of one date, section and confidence. */
export function factsFrom(origin: Origin, ...statements: Statement[]): Fact[] {
  return statements.map((statement) => ({ ...statement, ...origin }));
}

/** The value on one line. */
export function factText(value: FactValue): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  return value instanceof RegExp ? String(value) : value.join(", ");
}
