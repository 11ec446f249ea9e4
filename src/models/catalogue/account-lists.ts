/**
 * The lists of models that providers keep for each account, asked for in the background and kept for hours. Best effort:
 * a list that can not be had leaves the old one, or none, and a line in the log.
 */
import * as z from "zod/mini";
import type { Credentials } from "../../accounts/credentials.ts";
import { KleisError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import type { LiveModel, Provider } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import { rememberSetting, type WantedSetting } from "../cached-setting.ts";
import { lookUntil } from "../poll-until.ts";
import { fetchBytes } from "../registry/fetch.ts";
import { isWithin } from "../time.ts";
import type { LiveLists } from "./catalogue.ts";

export interface LiveListStore {
  /** What is known; the same object for as long as nothing has changed. */
  lists(): LiveLists;
  /** What a request that reads the store anyway is to bring along; undefined when what is known is not old. */
  wanted(): WantedSetting | undefined;
  /** True when the store has been asked for what other processes and former runs have stored. */
  isRead(): boolean;
  /**
   * Begins in the background what is due: reading the store, then asking for the lists that are missing or old. Answers
   * the work to whoever wants to wait in the same request.
   */
  begin(accounts: readonly AccountRecord[]): Promise<unknown> | undefined;
  /** Asks for these accounts' lists now, whatever is known or asked already. Never rejects. */
  ask(accounts: readonly AccountRecord[]): Promise<void>;
  /**
   * Asks for these accounts' lists now, and waits for those that are asked for already. Answers within a time limit whose
   * list has been had.
   */
  refresh(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, boolean>>;
  /** True while this process tries for the first time to get the first list of one of these accounts. */
  isAwaited(accounts: readonly AccountRecord[]): boolean;
}

export interface LiveListDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly credentials: Pick<Credentials, "fresh">;
}

/** A list is asked for again after this long, ms; and when its account has changed since (a new sign-in). */
const FRESH_MS = 4 * 3_600_000;
/** While accounts and lists stay the same, looking for what is due once in this time, ms, is often enough. */
const LOOK_MS = 1_000;
/** No account's list is asked for more often than this, ms; also after a failure. */
const PAUSE_MS = 5 * 60_000;
/** A list that could not be renewed for this long, ms, is forgotten: so are those of accounts that are gone. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** Lists that are asked for at a time: a thousand accounts are no reason for a thousand requests at once. */
const AT_ONCE = 8;
/** A round that has not heard from any account for this long, ms, is taken for dead. */
const ROUND_MS = 15_000;
/** The time that whoever wants lists at once waits for them at most, ms. */
const REFRESH_MS = 20_000;
/** The time one list may take, ms, and its size at most. */
const TIMEOUT_MS = 8_000;
const MAX_BYTES = 4 * 1024 * 1024;

interface Held {
  /** When it was got, epoch ms. */
  readonly at: number;
  readonly models: readonly LiveModel[];
}
type HeldByAccount = Readonly<Record<string, Held>>;

/** Accounts that are asked together. */
interface Round {
  /** When it began, or last heard from one of them, epoch ms. */
  heardAt: number;
  /** Whose list could be had; null while it goes on. */
  had: ReadonlySet<string> | null;
}

export function createLiveLists({ runtime, providers, credentials }: LiveListDeps): LiveListStore {
  const { clock, logger, config } = runtime;
  const memory = rememberSetting<HeldByAccount>(runtime, {
    key: "models.live",
    freshMs: FRESH_MS,
    encode: (held) => JSON.stringify(held),
    decode: (text) => (text === null ? {} : storedSchema.safeParse(parseJson(text)).data),
  });
  const asked = new Map<string, { at: number; isFirst: boolean }>();
  /** By account id, while it is asked. */
  const rounds = new Map<string, Round>();
  let looked: { accounts: readonly AccountRecord[]; held: HeldByAccount | undefined; at: number } | undefined;
  let seen: HeldByAccount | undefined;
  let lists: LiveLists = new Map();

  function liveOf(account: AccountRecord) {
    if (!account.enabled || account.status !== "active") return undefined;
    const provider = providers.find(({ id }) => id === account.provider);
    return provider?.live?.kinds.includes(account.kind) ? { provider, live: provider.live } : undefined;
  }

  function isDue(account: AccountRecord, now: number): boolean {
    if (isWithin(now, asked.get(account.id)?.at ?? Number.NEGATIVE_INFINITY, PAUSE_MS)) return false;
    if (liveOf(account) === undefined) return false;
    const at = memory.value()?.[account.id]?.at ?? Number.NEGATIVE_INFINITY;
    return !isWithin(now, at, FRESH_MS) || at < account.updatedAt;
  }

  function hasLooked(accounts: readonly AccountRecord[], now: number): boolean {
    if (looked?.accounts !== accounts || looked.held !== memory.value()) return false;
    return now >= looked.at && now - looked.at < LOOK_MS;
  }

  /** One account's list; null when it could not be had. */
  async function askOne(account: AccountRecord): Promise<Held | null> {
    const known = liveOf(account);
    if (known === undefined) return null;
    const refuse = (reason: string) => {
      logger.warn("model_list_refused", { account: account.id, provider: account.provider, reason });
      return null;
    };
    try {
      const request = known.live.request(account, await credentials.fresh(account), config);
      const origins = known.provider.origins(account, config);
      const got = await fetchBytes(runtime, {
        ...request,
        origins,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
      });
      if (got.status !== "ok") return refuse(got.status === "refused" ? got.reason : "status 304");
      const models = known.live.decode(parseJson(new TextDecoder().decode(got.bytes)));
      if (models === null) return refuse("it is no list of models that can be read");
      logger.debug("model_list", { account: account.id, provider: account.provider, models: models.length });
      return { at: clock.now(), models };
    } catch (error) {
      // Only the kind: an unforeseen error's words may hold what it was working on.
      if (error instanceof KleisError) return refuse(error.code);
      return refuse(error instanceof Error ? error.name : "unknown");
    }
  }

  async function ask(accounts: readonly AccountRecord[]): Promise<void> {
    const able = accounts.filter((account) => liveOf(account) !== undefined);
    const round: Round = { heardAt: clock.now(), had: null };
    for (const { id } of able) {
      // Lists wait for an account's first try alone: one that keeps failing must not hold them up for ever.
      asked.set(id, { at: clock.now(), isFirst: !asked.has(id) });
      rounds.set(id, round);
    }
    const got = new Map<string, Held>();
    const left = [...able];
    const askInTurn = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const held = await askOne(next);
        if (held !== null) got.set(next.id, held);
        round.heardAt = clock.now();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askInTurn));
    if (got.size > 0) await keep(Object.fromEntries(got));
    for (const { id } of able) {
      asked.set(id, { at: clock.now(), isFirst: false });
      if (rounds.get(id) === round) rounds.delete(id);
    }
    round.had = new Set(got.keys());
  }

  async function refresh(accounts: readonly AccountRecord[]): Promise<ReadonlyMap<string, boolean>> {
    const able = accounts.filter((account) => liveOf(account) !== undefined);
    const isAsked = ({ id }: AccountRecord) =>
      isWithin(clock.now(), rounds.get(id)?.heardAt ?? Number.NEGATIVE_INFINITY, ROUND_MS);
    const idle = able.filter((account) => !isAsked(account));
    if (idle.length > 0) runtime.waitUntil(ask(idle));
    const waited = new Map(able.map(({ id }) => [id, rounds.get(id)]));
    await lookUntil(clock, () => [...waited.values()].every((round) => round?.had !== null), REFRESH_MS);
    return new Map([...waited].map(([id, round]) => [id, round?.had?.has(id) ?? false]));
  }

  /** Beside what other processes have stored meanwhile, less what nobody has renewed for long. */
  async function keep(fresh: HeldByAccount): Promise<void> {
    await memory.load();
    const all = Object.entries({ ...memory.value(), ...fresh });
    const held = Object.fromEntries(all.filter(([, { at }]) => clock.now() - at < KEPT_MS));
    memory.know(held);
    try {
      await memory.save(held);
    } catch (error) {
      logger.warn("model_list_not_stored", { error: error instanceof Error ? error.message : "unknown" });
    }
  }

  return {
    lists() {
      const held = memory.value();
      if (held !== undefined && held !== seen) {
        seen = held;
        lists = new Map(Object.entries(held).map(([id, { models }]) => [id, models]));
      }
      return lists;
    },
    wanted: () => memory.wanted(),
    isRead: () => memory.isRead(),
    begin(accounts) {
      const reading = memory.begin();
      if (!memory.isRead()) return reading;
      const now = clock.now();
      if (hasLooked(accounts, now)) return reading;
      looked = { accounts, held: memory.value(), at: now };
      const due = accounts.filter((account) => isDue(account, now));
      if (due.length === 0) return reading;
      const asking = ask(due);
      runtime.waitUntil(asking);
      return asking;
    },
    ask,
    refresh,
    isAwaited: (accounts) =>
      accounts.some(({ id }) => asked.get(id)?.isFirst === true && memory.value()?.[id] === undefined),
  };
}

const tokens = z.number().check(z.positive());
const limit = z.object({ context: tokens, output: tokens, input: z.optional(tokens) });

const storedSchema = z.record(
  z.string(),
  z.object({
    at: z.number(),
    models: z.array(
      z.object({
        id: z.string(),
        operations: z.array(z.enum(["chat", "responses", "messages", "count_tokens"])),
        limit: z.partial(limit),
        model: z.looseObject({
          id: z.string(),
          name: z.string(),
          reasoning: z.boolean(),
          tool_call: z.boolean(),
          attachment: z.optional(z.boolean()),
          release_date: z.string(),
          modalities: z.object({ input: z.array(z.string()), output: z.array(z.string()) }),
          limit,
        }),
      }),
    ),
  }),
);
