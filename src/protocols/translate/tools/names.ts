/**
 * Names of tools in the form that every provider takes, and back. Responses has namespaces and names that other protocols
 * lack: the target gets an alias, and the calls of its response get namespace, name and kind of the client's tool again.
 */
import { hexDigest } from "../carriers/digest.ts";
import type { CallKind, ModelRequest } from "../model.ts";

export interface ToolName {
  readonly call: CallKind;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What the strictest provider takes: 64 characters of this alphabet. */
const PORTABLE = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST = 64;
const HASH_DIGITS = 8;

/**
 * The tool's name for a target without namespaces: `namespace__name`, or the bare name. What is too long or holds other
 * characters is cut and gets a hash of the whole; the same tool has the same alias in every turn.
 */
export function aliasOf(namespace: string | undefined, name: string): string {
  const whole = namespace === undefined ? name : `${namespace}__${name}`;
  return PORTABLE.test(whole) ? whole : hashedAlias(namespace, name);
}

function hashedAlias(namespace: string | undefined, name: string): string {
  const whole = namespace === undefined ? name : `${namespace}__${name}`;
  const readable = whole.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, LONGEST - HASH_DIGITS - 1);
  return `${readable}_${hexDigest(JSON.stringify([namespace ?? null, name]), HASH_DIGITS)}`;
}

/** The aliases of one request: of its tools, and of what its history called. */
export class ToolNames {
  readonly #aliases = new Map<string, string>();
  readonly #originals = new Map<string, ToolName>();

  constructor({ tools, items }: Pick<ModelRequest, "tools" | "items">) {
    for (const tool of tools) {
      if (tool.type === "web_search") continue;
      const call = tool.type === "custom" ? "custom" : tool.kind;
      this.#add({ call, namespace: tool.namespace, name: tool.name });
    }
    for (const item of items)
      if (item.type === "call") this.#add({ call: item.kind, namespace: item.namespace, name: item.name });
  }

  /** The name that the target knows a tool by. */
  alias(namespace: string | undefined, name: string): string {
    return this.#aliases.get(keyOf(namespace, name)) ?? aliasOf(namespace, name);
  }

  /** The client's tool for a name in the response; undefined for a name that the client did not mention. */
  original(alias: string): ToolName | undefined {
    return this.#originals.get(alias);
  }

  /** The first tool keeps an alias; another that would get the same one is told apart by its hash. */
  #add(tool: ToolName): void {
    const key = keyOf(tool.namespace, tool.name);
    if (this.#aliases.has(key)) return;
    const plain = aliasOf(tool.namespace, tool.name);
    const alias = this.#originals.has(plain) ? hashedAlias(tool.namespace, tool.name) : plain;
    this.#aliases.set(key, alias);
    this.#originals.set(alias, tool);
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return JSON.stringify([namespace ?? null, name]);
}
