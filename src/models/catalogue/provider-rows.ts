/**
 * The rows of accounts' own model lists as their providers sent them, for the providers' own clients. They hold the
 * vendor's prompts, some 80 kB each, so they are stored sealed and apart from everything that a request needs: the store
 * is asked for them when a client wants them and this process has not got them. Accounts of one provider mostly have the
 * same rows, and share their text.
 */
import * as z from "zod/mini";
import { fromBase64, toBase64 } from "../../bytes.ts";
import { isObject, type JsonObject, parseJson } from "../../json.ts";
import type { ListedModel } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import { gunzip, gzip } from "../registry/bytes.ts";
import { SoleWriter } from "../sole-writer.ts";
import { isWithin } from "../time.ts";

/** The provider's row for a model of an account; undefined where there is none. */
export type RowOf = (accountId: string, modelId: string) => JsonObject | undefined;

/** Characters of all different rows together, at most; beyond that the accounts whose lists are oldest have none. */
const MAX_TEXT = 4 * 1024 * 1024;
/** Bytes of the stored rows when unpacked, at most: characters may take up to three. */
const MAX_BYTES = 3 * MAX_TEXT + 1024 * 1024;
/** Rows that were not renewed for this long, ms, are forgotten. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** The store is not asked again for this long, ms. */
const PAUSE_MS = 60_000;
/** The sealed setting that holds them. */
const KEY = "models.rows";

interface AccountRows {
  /** When the list was received, epoch ms. */
  readonly at: number;
  /** JSON text by model id. */
  readonly rows: ReadonlyMap<string, string>;
}

export class ProviderRows {
  readonly #runtime: Pick<Runtime, "storage" | "clock" | "logger">;
  #held: ReadonlyMap<string, AccountRows> = new Map();
  /** Every text that is held, by itself. */
  #texts = new Map<string, string>();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #writer: SoleWriter;
  #isUnsaved = false;

  constructor(runtime: Pick<Runtime, "storage" | "clock" | "logger">) {
    this.#runtime = runtime;
    this.#writer = new SoleWriter(runtime.clock);
  }

  /** Takes the rows out of a list that has just come; answers the list without them. */
  take(accountId: string, at: number, models: readonly ListedModel[]): ListedModel[] {
    const rows = new Map(
      models.flatMap(({ id, row }) => (row === undefined ? [] : [[id, JSON.stringify(row)] as const])),
    );
    if (rows.size > 0) {
      this.#hold(new Map([[accountId, { at, rows }]]));
      this.#isUnsaved = true;
    }
    return models.map(({ row: _, ...model }) => model);
  }

  /** Stores what was taken since, beside what other processes have stored. Never rejects. */
  async save(): Promise<void> {
    if (this.#isUnsaved) await this.#writer.run(() => this.#store());
  }

  async #store(): Promise<void> {
    this.#isUnsaved = false;
    const { storage, clock, logger } = this.#runtime;
    // What cannot be read is replaced.
    await this.#load().catch(() => {});
    try {
      const encoded = new TextEncoder().encode(encode(this.#held));
      await storage.settings.setSealed(KEY, toBase64(await gzip([encoded])), clock.now());
    } catch (error) {
      logger.warn("model_rows_not_stored", { error: reasonOf(error) });
    }
  }

  /** The rows of these accounts' lists, by when each list was received. Asks the store for those that are not held. */
  async of(lists: ReadonlyMap<string, number>): Promise<RowOf> {
    const { clock, logger } = this.#runtime;
    const isMissing = [...lists].some(([id, at]) => (this.#held.get(id)?.at ?? 0) < at);
    if (isMissing && !isWithin(clock.now(), this.#readAt, PAUSE_MS)) {
      await this.#load().catch((error: unknown) =>
        logger.warn("model_rows_not_read", { error: reasonOf(error) }),
      );
    }
    const held = this.#held;
    return (accountId, modelId) => {
      const row = lists.has(accountId) ? held.get(accountId)?.rows.get(modelId) : undefined;
      const value = row === undefined ? undefined : parseJson(row);
      return isObject(value) ? value : undefined;
    };
  }

  async #load(): Promise<void> {
    const { storage, clock } = this.#runtime;
    this.#readAt = clock.now();
    const stored = await storage.settings.getSealed(KEY);
    if (stored === null) return;
    const bytes = await gunzip(fromBase64(stored), MAX_BYTES);
    this.#hold(decode(new TextDecoder().decode(bytes)));
  }

  /** Adds what is newer, shares equal texts, and drops what is too old or too much. */
  #hold(more: ReadonlyMap<string, AccountRows>): void {
    const all = new Map(this.#held);
    for (const [id, rows] of more) if ((all.get(id)?.at ?? 0) <= rows.at) all.set(id, rows);
    const now = this.#runtime.clock.now();
    const texts = new Map<string, string>();
    const held = new Map<string, AccountRows>();
    let size = 0;
    for (const [id, { at, rows }] of [...all].sort(([, a], [, b]) => b.at - a.at)) {
      const added = new Set([...rows.values()].filter((text) => !texts.has(text)));
      const length = [...added].reduce((sum, text) => sum + text.length, 0);
      if (now - at >= KEPT_MS || size + length > MAX_TEXT) continue;
      size += length;
      for (const text of added) {
        const shared = this.#texts.get(text) ?? text;
        texts.set(shared, shared);
      }
      held.set(id, { at, rows: new Map([...rows].map(([slug, text]) => [slug, texts.get(text) ?? text])) });
    }
    this.#held = held;
    this.#texts = texts;
  }
}

const storedSchema = z.object({
  texts: z.array(z.string()),
  accounts: z.array(
    z.object({ id: z.string(), at: z.number(), rows: z.array(z.tuple([z.string(), z.number()])) }),
  ),
});

function encode(held: ReadonlyMap<string, AccountRows>): string {
  const texts = [...new Set([...held.values()].flatMap(({ rows }) => [...rows.values()]))];
  const places = new Map(texts.map((text, at) => [text, at]));
  const accounts = [...held].map(([id, { at, rows }]) => ({
    id,
    at,
    rows: [...rows].map(([slug, text]) => [slug, places.get(text)]),
  }));
  return JSON.stringify({ texts, accounts });
}

function decode(source: string): ReadonlyMap<string, AccountRows> {
  const { texts, accounts } = storedSchema.parse(parseJson(source));
  return new Map(
    accounts.map(({ id, at, rows }) => {
      const known = rows.flatMap(([slug, place]) => {
        const text = texts[place];
        return text === undefined ? [] : [[slug, text] as const];
      });
      return [id, { at, rows: new Map(known) }];
    }),
  );
}

/** What the log may say of a failure: unforeseen errors' words may hold what they were working on. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
