/** The field lists in `recorded/`: what each agent sent when it was last recorded. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { type FieldsByEndpoint, merge, newIn } from "./fields.ts";

export interface Recorded {
  agent: string;
  version: string;
  /** The day of the last change, as `2026-11-30`. */
  date: string;
  protocols: Partial<Record<Protocol, FieldsByEndpoint>>;
}

/** What one run has seen of an agent in one protocol. */
export interface Sight {
  readonly agent: string;
  readonly version: string;
  readonly protocol: Protocol;
  readonly fields: FieldsByEndpoint;
  /** All scenarios were run, and none failed: what is not there any more may go. */
  readonly isWhole: boolean;
}

export const RECORDED = join(import.meta.dirname, "recorded");

export function readRecorded(agent: string, folder = RECORDED): Recorded | null {
  const file = join(folder, `${agent}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Recorded) : null;
}

/** Each field of a run that the record does not know. */
export function newSince(recorded: Recorded | null, { protocol, fields }: Sight): string[] {
  return newIn(fields, recorded?.protocols[protocol] ?? {});
}

/** The record with what a run has seen. It is the same object where nothing changes. */
export function updated(recorded: Recorded | null, sight: Sight, date: string): Recorded {
  const { agent, version, protocol, fields, isWhole } = sight;
  const before = recorded?.protocols[protocol] ?? {};
  const after = isWhole ? fields : merge([before, fields]);
  const isSame = recorded?.version === version && JSON.stringify(before) === JSON.stringify(after);
  if (recorded !== null && isSame) return recorded;
  return { agent, version, date, protocols: { ...recorded?.protocols, [protocol]: after } };
}

export function writeRecorded(recorded: Recorded, folder = RECORDED): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${recorded.agent}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
}
