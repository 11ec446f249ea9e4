/**
 * What a provider can be asked about its facts with an owner's account. A check is data and pure steps: it builds
 * requests and judges responses; `src/live-checks/` sends them.
 */
import type { Config } from "../config.ts";
import { isObject, type Json, type JsonObject, text } from "../json.ts";
import type { Operation } from "../protocols/protocol.ts";
import type { Credential, CredentialKind, ProviderAccount } from "./account.ts";
import type { Refusal, RefusalClass } from "./refusal.ts";
import type { RegistryModel } from "./registry-model.ts";
import type { SecretShape } from "./secret-shape.ts";

/** What a check uses up at most; a run never sends more requests. */
export interface CheckCost {
  readonly requests: number;
  /** About as many, of prompts and responses together; 0: nothing is billed. */
  readonly tokens: number;
}

/** What a check needs of the model that it asks. */
export interface ModelNeeds {
  readonly operation: Operation;
  readonly sees?: true;
  /** Its list of efforts must not be empty. */
  readonly efforts?: true;
}

export interface LiveCheck {
  /** Unique within the provider. */
  readonly id: string;
  readonly title: string;
  /** The kinds of account that it can ask with. */
  readonly kinds: readonly CredentialKind[];
  readonly cost: CheckCost;
  /** Absent where no model is asked. */
  readonly model?: ModelNeeds;
  /** Origins that it asks beside the account's own. */
  origins?(config: Config): string[];
  /** Yields one request after the other, is given each response, and ends with what they tell. */
  steps(context: CheckContext): AsyncGenerator<CheckRequest, Observation[], CheckResponse>;
}

export interface CheckContext {
  readonly account: ProviderAccount;
  readonly credential: Credential;
  readonly config: Config;
  /** The model to ask; empty where the check names no needs. */
  readonly model: string;
  /** Of that model, weakest first as the list has them. */
  readonly efforts: readonly string[];
  /** What Kleis takes the account to serve. */
  readonly models: readonly RegistryModel[];
  /** Unguessable text that no other run has. */
  readonly nonce: string;
}

/** A request to send as it is, or one as an agent would send it, which goes through `Provider.prepare`. */
export type CheckRequest =
  | {
      readonly method: "GET" | "POST";
      readonly url: string;
      readonly headers: Headers;
      readonly body?: string;
    }
  | { readonly operation: Operation; readonly body: JsonObject };

export interface CheckResponse {
  /** 0 when there was no response; then `words` say why. */
  readonly status: number;
  readonly headers: Headers;
  /** The body, or the last event's response of a stream; empty where it is no JSON object. */
  readonly json: JsonObject;
  /** The data of a stream's events. */
  readonly events: readonly JsonObject[];
  /** The provider's words on a refusal, or why there was no response. */
  readonly words: string;
  /** How the provider's table names the response; null for a success, and where there was no response. */
  readonly refusal: Refusal | null;
}

/** `unclear`: the response tells nothing about the fact. */
export type Verdict = "agrees" | "differs" | "unclear";

export interface Observation {
  /** The id of a fact of the provider's. */
  readonly fact: string;
  readonly verdict: Verdict;
  /** What the provider said or did, in a few words. */
  readonly theirs: string;
  /** What to do; for one that differs and that no variable corrects, or that needs more than its name. */
  readonly advice?: string;
}

export const agrees = (fact: string, theirs: string): Observation => ({ fact, verdict: "agrees", theirs });
export const unclear = (fact: string, theirs: string): Observation => ({ fact, verdict: "unclear", theirs });
export function differs(fact: string, theirs: string, advice?: string): Observation {
  return { fact, verdict: "differs", theirs, ...(advice === undefined ? {} : { advice }) };
}

/** Statuses by which a server says that there is nothing at an address, or nothing for this method. */
const MISSING = new Set([404, 405, 410]);

/** The address is gone: nothing is there, or something that leads elsewhere. */
export function isGone({ status }: CheckResponse): boolean {
  return MISSING.has(status) || (status >= 300 && status < 400);
}

/** The response in a few words: its status and what was said. */
export function saidOf({ status, words, headers }: CheckResponse): string {
  if (status === 0) return words;
  const location = headers.get("location");
  if (location !== null && URL.canParse(location)) return `${status} to ${new URL(location).host}`;
  return words === "" ? `status ${status}` : `${status}: ${words}`;
}

/** Judges a path by whether what it answered is there. A refusal that says nothing of the path leaves it unclear. */
export function pathJudged(
  fact: string,
  response: CheckResponse,
  isThere: boolean,
  there: string,
): Observation {
  if (response.status >= 200 && response.status < 300) {
    return isThere ? agrees(fact, there) : differs(fact, "answers in another shape");
  }
  return isGone(response) ? differs(fact, saidOf(response)) : unclear(fact, saidOf(response));
}

/** By which class of refusal which facts are put in doubt. */
export type Blame = Partial<Record<RefusalClass, readonly string[]>>;

/** What a refusal's words must speak of to put these facts in doubt. */
export const ABOUT = {
  image: /image|vision|media/i,
  effort: /effort|reasoning/i,
  tool: /tool|function/i,
  field: /parameter|field|tool|function/i,
} as const;

/** The blame of a request's own form, where the words speak of what is checked. */
export function contentBlame({ words }: CheckResponse, about: RegExp, facts: readonly string[]): Blame {
  return about.test(words) ? { content: facts } : {};
}

/** The verdict on the facts that a request rests on: a response confirms them, a refusal those that it does not blame. */
export function requestJudged(
  facts: readonly string[],
  response: CheckResponse,
  ok: boolean,
  blame: Blame,
): Observation[] {
  if (ok) return facts.map((fact) => agrees(fact, "accepted"));
  const said = response.status === 200 ? "responds without what was asked for" : saidOf(response);
  const blamed = response.status === 200 ? [] : (blame[response.refusal?.class ?? "unknown"] ?? []);
  return facts.map((fact) =>
    blamed.includes(fact) ? differs(fact, said, response.refusal?.advice ?? undefined) : unclear(fact, said),
  );
}

/** A check that one request is accepted, on which one fact rests. */
export interface AcceptanceCheck extends Pick<LiveCheck, "kinds"> {
  readonly fact: string;
  readonly operation: Operation;
  /** About what it costs, tokens. */
  readonly tokens: number;
  body(context: CheckContext): JsonObject;
  isComplete(response: CheckResponse): boolean;
}

/** Whether the model takes an image. */
export function imageCheck(check: AcceptanceCheck): LiveCheck {
  const model = { operation: check.operation, sees: true } as const;
  return { id: "image", title: "A message with an image", model, ...accepted(check, ABOUT.image) };
}

/** Whether the model takes the highest of the efforts that it is listed with. */
export function effortCheck(check: AcceptanceCheck): LiveCheck {
  const model = { operation: check.operation, efforts: true } as const;
  const title = "The highest effort that the model is listed with";
  return { id: "effort", title, model, ...accepted(check, ABOUT.effort) };
}

/** `about`: what a refusal's words must speak of to put the fact in doubt. */
function accepted(
  { kinds, fact, operation, tokens, body, isComplete }: AcceptanceCheck,
  about: RegExp,
): Pick<LiveCheck, "kinds" | "cost" | "steps"> {
  return {
    kinds,
    cost: { requests: 1, tokens },
    async *steps(context) {
      const response = yield { operation, body: body(context) };
      return requestJudged([fact], response, isComplete(response), contentBlame(response, about, [fact]));
    },
  };
}

/** The strongest of the model's efforts. */
export function highestEffort({ efforts }: CheckContext): string {
  return efforts.at(-1) ?? "high";
}

/** Whether a second turn is read from the provider's cache. */
export function cacheCheck({
  kinds,
  operation,
  tokens,
  cachedTokens,
  turns,
}: Pick<AcceptanceCheck, "kinds" | "operation" | "tokens"> & {
  /** Where the response counts the cached tokens: members joined by dots. */
  readonly cachedTokens: string;
  /** The bodies of both turns; the second begins like the first. */
  turns(context: CheckContext): readonly [first: JsonObject, second: JsonObject];
}): LiveCheck {
  return {
    id: "cache",
    title: "A second turn from the cache",
    kinds,
    cost: { requests: 2, tokens },
    model: { operation },
    async *steps(context) {
      const [body, next] = turns(context);
      const first = yield { operation, body };
      if (first.status !== 200) return [unclear("cached-tokens", saidOf(first))];
      const second = yield { operation, body: next };
      return [cacheJudged("cached-tokens", second, at(second.json, ...cachedTokens.split(".")))];
    },
  };
}

/** Headers that should have come along. */
export function headersJudged(
  fact: string,
  response: CheckResponse,
  prefixes: readonly string[],
): Observation {
  if (response.status !== 200) return unclear(fact, saidOf(response));
  const names = [...response.headers.keys()].filter((name) => prefixes.some((each) => name.startsWith(each)));
  return names.length > 0
    ? agrees(fact, counted(names.length, "header"))
    : differs(fact, "none of them arrived", "Report it: limits cannot be read without them.");
}

/** Judges a second turn by how many of its tokens came from the cache (`cached`, as the response counts them). */
function cacheJudged(fact: string, response: CheckResponse, cached: unknown): Observation {
  if (response.status !== 200) return unclear(fact, saidOf(response));
  if (typeof cached !== "number") return differs(fact, "the response does not count cached tokens", REPORT);
  return cached > 0
    ? agrees(fact, `${cached} tokens of the second turn`)
    : differs(fact, "no token of the second turn came from the cache", REPORT);
}

const REPORT =
  "Report it: every turn may be billed in full. Run the check again first; caches miss at times.";

/** Values that the provider lists and Kleis does not know. */
export function listJudged(
  fact: string,
  unknown: readonly string[],
  listed: number,
  advice: string,
): Observation {
  if (listed === 0) return unclear(fact, "nothing is listed");
  if (unknown.length === 0) return agrees(fact, `all ${listed} are known`);
  return differs(fact, `not known: ${firstOf(unknown)}`, advice);
}

/** The first few of a list. */
export function firstOf(values: readonly string[], most = 6): string {
  const left = values.length - most;
  return values.slice(0, most).join(", ") + (left > 0 ? ` and ${left} more` : "");
}

export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** The members of a list that are objects. */
export function rowsOf(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The texts that the rows have under this name. */
export function idsOf(rows: readonly JsonObject[], name: string): string[] {
  return rows.flatMap((row) => text(row[name]) ?? []);
}

/** The member at a path; undefined where something on the way is missing. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
}

/** The code of an OAuth refusal, wherever the server put it. */
export function oauthCode({ json }: CheckResponse): string {
  return text(at(json, "error", "code")) ?? text(json.error) ?? text(at(json, "error", "type")) ?? "";
}

/** A refresh token of the right form that was never issued: the refusal shows that the server understood the rest. */
export function madeUpToken(shapes: readonly SecretShape[], nonce: string): string {
  const prefix = shapes.find(({ kind }) => kind === "refresh_token")?.prefix ?? "";
  return `${prefix}kleis-check-${nonce}`;
}

/** Text of about this many tokens that is the same each time but for its first line, so that a cache can hold it. */
export function longText(nonce: string, tokens: number): string {
  const lines = Array.from({ length: Math.ceil(tokens / 14) }, (_, line) => `${line + 1}. ${LINE}`);
  return [`Note ${nonce}. It is only there to be long; do not use it.`, ...lines].join("\n");
}

const LINE = "The gate opens at seven, the lamp is lit, and the river runs on.";

/** A PNG of 16 by 16 red pixels, in base64. */
export const RED_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg==";
