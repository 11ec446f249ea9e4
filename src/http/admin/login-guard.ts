/**
 * Slows down whoever tries admin tokens: after a few wrong ones each further try has to wait, twice as long each time,
 * per source and over all sources. Kept in the store, so that several processes count together.
 */
import * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import { sha256Hex } from "../../keys/secret.ts";
import type { Runtime } from "../../runtime.ts";
import { sameSecret } from "./same-secret.ts";

export type LoginOutcome = { status: "right" } | { status: "wrong" } | { status: "wait"; seconds: number };

/** `source`: where the try comes from, as far as the door can tell. */
export type LoginGuard = (token: string, source?: string) => Promise<LoginOutcome>;

export interface GuardLimits {
  /** Where the tries are counted. */
  readonly setting: string;
  /** Wrong tries of one source that cost nothing: a token that was pasted badly. */
  readonly free: number;
  /** The same over all sources: many that try a little each. */
  readonly freeInAll: number;
}

/** For people at the form. */
export const FORM_LIMITS: GuardLimits = { setting: "admin.login_tries", free: 3, freeInAll: 20 };
/** For programs with the token in a header, which may run with an old one for a while. */
export const HEADER_LIMITS: GuardLimits = { setting: "admin.token_tries", free: 10, freeInAll: 100 };

/** The longest wait, ms: an owner can not be kept out for longer than this after the last wrong try. */
export const LONGEST_WAIT_MS = 60_000;
/** After this long without a wrong try they are forgotten, ms. */
const FORGOTTEN_MS = 60 * 60_000;
/** Sources remembered at most; those over all are counted beside them. */
const SOURCES = 200;

const counted = z.object({ wrong: z.number(), at: z.number() });
const triesSchema = z.object({ all: counted, sources: z.record(z.string(), counted) });
type Tries = z.output<typeof triesSchema>;

const NONE = { wrong: 0, at: 0 };

export function createLoginGuard(
  { config, storage, clock, sharesPromises = false }: Runtime,
  { setting, free, freeInAll }: GuardLimits = FORM_LIMITS,
): LoginGuard {
  let queue: Promise<unknown> = Promise.resolve();

  async function judge(token: string, source: string): Promise<LoginOutcome> {
    const now = clock.now();
    // Who tried is told from who else did, and is not kept in words.
    const name = (await sha256Hex(source)).slice(0, 16);
    const tries = remembered(await storage.settings.get(setting), now);
    const own = tries.sources[name] ?? NONE;
    const until = Math.max(
      own.at + waitAfter(own.wrong, free),
      tries.all.at + waitAfter(tries.all.wrong, freeInAll),
    );
    if (until > now) return { status: "wait", seconds: Math.ceil((until - now) / 1000) };
    const isRight = await sameSecret(token, config.ADMIN_TOKEN);
    if (isRight && own.wrong === 0) return { status: "right" };
    const { [name]: _, ...others } = tries.sources;
    const next: Tries = isRight
      ? { all: tries.all, sources: others }
      : {
          all: { wrong: tries.all.wrong + 1, at: now },
          sources: { ...newest(others), [name]: { wrong: own.wrong + 1, at: now } },
        };
    await storage.settings.set(setting, JSON.stringify(next), now);
    return { status: isRight ? "right" : "wrong" };
  }

  // One after the other: many tries at once would else all see the same count. Where one request may not wait for
  // another, so many more tries as run at once are let through.
  return (token, source = "") => {
    if (!sharesPromises) return judge(token, source);
    const outcome = queue.then(() => judge(token, source));
    queue = outcome.catch(() => {});
    return outcome;
  };
}

function remembered(stored: string | null, now: number): Tries {
  const parsed = triesSchema.safeParse(parseJson(stored ?? ""));
  if (!parsed.success) return { all: NONE, sources: {} };
  const isFresh = ({ at }: { at: number }) => now - at < FORGOTTEN_MS;
  const { all, sources } = parsed.data;
  return {
    all: isFresh(all) ? all : NONE,
    sources: Object.fromEntries(Object.entries(sources).filter(([, tries]) => isFresh(tries))),
  };
}

function newest(sources: Tries["sources"]): Tries["sources"] {
  const all = Object.entries(sources);
  if (all.length < SOURCES) return sources;
  return Object.fromEntries(all.sort(([, a], [, b]) => b.at - a.at).slice(0, SOURCES - 1));
}

/** ms to wait after so many wrong tries. */
function waitAfter(wrong: number, free: number): number {
  return wrong < free ? 0 : Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (wrong - free));
}

/** The refusal of a try that came too soon. */
export function slowDown(seconds: number): KleisError {
  return new KleisError("too_many_tries", `Too many wrong admin tokens. Wait ${seconds} s, then try again.`, {
    headers: { "retry-after": String(seconds) },
  });
}
