/**
 * A registry as text that clients can be given: upstream's own bytes, less what would break a client and what pretends
 * to be ours, and the place where our entries go in. Parsed once for validation, never serialized again.
 */
import type { Bytes } from "../../bytes.ts";
import { isObject, parseJson } from "../../json.ts";
import { applyEdits, type Splice } from "../../protocols/json-edit.ts";
import { digestOf } from "./bytes.ts";
import { KLEIS_KEY_VARIABLE } from "./kleis-entries.ts";
import { type RegistryData, readRegistry } from "./schema.ts";
import { leaveOut, validateModel, validateProvider } from "./validate.ts";

export interface RegistryText {
  /** Tells one content from another. */
  readonly version: string;
  /** From the first `{` up to the last `}`, which is left out. Holds at least one provider. */
  readonly head: Bytes;
  /** The last `}` and what follows it. */
  readonly tail: Bytes;
}

/** What was found in an upstream's answer. */
export type RegistryReading =
  | {
      ok: true;
      text: RegistryText;
      /** The providers that our own models are described under; those that are missing or mostly malformed are absent. */
      registry: RegistryData;
      models: number;
      /** Malformed models, and models of malformed providers. */
      dropped: number;
    }
  | { ok: false; reason: string };

export interface ReadOptions {
  /** The ids of our entries: upstream's under the same ids are left out. */
  readonly own: ReadonlySet<string>;
  /** The providers that our own models are described under. */
  readonly sources: ReadonlySet<string>;
}

const CLOSE = 0x7d;

export async function readRegistryText(bytes: Bytes, options: ReadOptions): Promise<RegistryReading> {
  const source = decoded(bytes);
  if (source === undefined) return { ok: false, reason: "it is not UTF-8 text" };
  const value = parseJson(source);
  if (value === undefined) return { ok: false, reason: `it is not JSON${looks(source)}` };
  if (!isObject(value)) return { ok: false, reason: "it is JSON, but not an object" };
  const { edits, models, dropped, valid } = judge(value, options);
  if (models === 0) return { ok: false, reason: "it holds no well-formed model" };
  return {
    ok: true,
    text: await textOf(applyEdits(bytes, edits)),
    registry: readRegistry(valid),
    models,
    dropped,
  };
}

/** What has to go, how many models stay, and which of them our own are described by. What goes leaves the value, too. */
function judge(value: Record<string, unknown>, { own, sources }: ReadOptions) {
  const edits: Splice[] = [];
  const valid: Record<string, { models: Record<string, unknown> }> = {};
  let models = 0;
  let dropped = 0;
  for (const [id, provider] of Object.entries(value)) {
    if (own.has(id) || claimsOurKey(provider)) {
      edits.push({ op: "remove", path: [id] });
      continue;
    }
    const members = isObject(provider) && isObject(provider.models) ? Object.entries(provider.models) : [];
    const validation = validateProvider(id, provider);
    if (validation === null) edits.push({ op: "remove", path: [id] });
    for (const path of validation?.without ?? []) edits.push({ op: "remove", path: [id, ...path] });
    const kept: typeof members = [];
    for (const [key, model] of validation === null ? [] : members) {
      const found = validateModel(key, model);
      if (found === null || !isObject(model)) {
        edits.push({ op: "remove", path: [id, "models", key] });
        continue;
      }
      for (const path of found.without) edits.push({ op: "remove", path: [id, "models", key, ...path] });
      leaveOut(model, found.without);
      kept.push([key, model]);
    }
    models += kept.length;
    dropped += members.length - kept.length;
    if (sources.has(id) && kept.length >= members.length / 2) {
      valid[id] = { models: Object.fromEntries(kept) };
    }
  }
  return { edits, models, dropped, valid };
}

/** A foreign provider that names our variable would be sent our key. */
function claimsOurKey(provider: unknown): boolean {
  return isObject(provider) && Array.isArray(provider.env) && provider.env.includes(KLEIS_KEY_VARIABLE);
}

/** The text of a registry that is known to be valid. */
export async function textOf(bytes: Bytes): Promise<RegistryText> {
  // Without a byte order mark, which clients' parsers refuse.
  const text = bytes[0] === 0xef ? bytes.subarray(3) : bytes;
  const end = text.lastIndexOf(CLOSE);
  return { version: await digestOf(text), head: text.subarray(0, end), tail: text.subarray(end) };
}

function decoded(bytes: Bytes): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function looks(source: string): string {
  if (source.trim() === "") return " but empty";
  return /^\s*</.test(source) ? " but looks like a web page" : "";
}
