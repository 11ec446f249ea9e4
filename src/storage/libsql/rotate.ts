/**
 * Seals everything again with the first key of the ring while Kleis runs: in small batches, each one atomic write that
 * changes only what still is as it was read. It may be ended between any two batches and begun again: what is done
 * already is recognised by the key that it names.
 */
import type { Client, InStatement } from "@libsql/client";
import type { Clock } from "../../runtime.ts";
import { type Place, SealError, type Sealer } from "../seal.ts";
import { retryWhileBusy } from "./busy.ts";
import { attempt, within } from "./failure.ts";
import { SEALED_COLUMNS, type SealedColumn } from "./sealed-columns.ts";

export interface Rotation {
  /** How many texts were sealed again. */
  resealed: number;
  /** Texts that named the first key already. */
  current: number;
  /** What did not open with any key of the ring, and stays as it is. */
  undecryptable: Place[];
  /** Texts that others still wrote under another key in the last round: a running process has another first key. */
  left: number;
}

export interface RotationOptions {
  /** Rows per batch. */
  batch?: number;
  /** Called after each batch that was written; what it throws ends the rotation. */
  onBatch?: (soFar: number) => void | Promise<void>;
}

const BATCH = 50;

/** A further round takes up what was written by others during the one before. */
const ROUNDS = 5;

/** Rejects with `StorageError`. */
export async function rotate(
  client: Client,
  sleep: Clock["sleep"],
  sealer: Sealer,
  { batch = BATCH, onBatch = () => {} }: RotationOptions = {},
): Promise<Rotation> {
  const run = <T>(work: () => Promise<T>): Promise<T> =>
    attempt("seal again", () => retryWhileBusy(client, sleep, work));
  let resealed = 0;
  let result: Rotation = { resealed: 0, current: 0, undecryptable: [], left: 0 };

  for (let round = 0; round < ROUNDS; round++) {
    result = { resealed: 0, current: 0, undecryptable: [], left: 0 };
    for (const column of SEALED_COLUMNS) {
      for (let after: string | null = null; ; ) {
        const rows: Row[] = await run(() => readRows(client, sleep, column, after, batch));
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.place.row;
        const writes = await resealRows(sealer, column, rows, result);
        if (writes.length === 0) continue;
        const done = await run(() => within(sleep, client.batch(writes, "write")));
        const written = done.reduce((sum, { rowsAffected }) => sum + rowsAffected, 0);
        resealed += written;
        result.left += writes.length;
        await onBatch(resealed);
      }
    }
    if (result.left === 0) break;
  }
  return { ...result, resealed };
}

interface Row {
  sealed: string;
  place: Place;
}

async function readRows(
  client: Client,
  sleep: Clock["sleep"],
  { table, id, column, version, only, prefix }: SealedColumn,
  after: string | null,
  limit: number,
): Promise<Row[]> {
  const conditions = [`${column} IS NOT NULL`];
  const args: (string | number)[] = [];
  if (only !== undefined) {
    conditions.push(`${id} = ?`);
    args.push(only);
  }
  if (prefix !== undefined) {
    conditions.push(`substr(${id}, 1, ?) = ?`);
    args.push(prefix.length, prefix);
  }
  if (after !== null) {
    conditions.push(`${id} > ?`);
    args.push(after);
  }
  const columns = [id, column, ...(version === undefined ? [] : [version])].join(", ");
  const sql = `SELECT ${columns} FROM ${table} WHERE ${conditions.join(" AND ")} ORDER BY ${id} LIMIT ?`;
  const { rows } = await within(sleep, client.execute({ sql, args: [...args, limit] }));
  return rows.map((row) => {
    const bound = version === undefined ? {} : { version: Number(row[2]) };
    return { sealed: String(row[1]), place: { table, column, row: String(row[0]), ...bound } };
  });
}

/** The writes that a page of rows needs; each does nothing when its text or its version is no longer what was read. */
async function resealRows(
  sealer: Sealer,
  { table, id, column, version }: SealedColumn,
  rows: readonly Row[],
  counts: Rotation,
): Promise<InStatement[]> {
  const writes: InStatement[] = [];
  const sameVersion = version === undefined ? "" : ` AND ${version} = ?`;
  for (const { sealed, place } of rows) {
    try {
      const plain = await sealer.open(sealed, place);
      if (await sealer.isCurrent(sealed)) {
        counts.current++;
        continue;
      }
      const fresh = await sealer.seal(plain, place);
      writes.push({
        sql: `UPDATE ${table} SET ${column} = ? WHERE ${id} = ? AND ${column} = ?${sameVersion}`,
        args: [fresh, place.row, sealed, ...(place.version === undefined ? [] : [place.version])],
      });
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      counts.undecryptable.push(place);
    }
  }
  return writes;
}
