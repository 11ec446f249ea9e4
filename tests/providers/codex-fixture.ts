/** The smallest world in which the Codex provider prepares a request, and the backend's rules as a strict checker. */

import { testKeyOf } from "../../harness/secrets.ts";
import { readConfig } from "../../src/environment.ts";
import { isObject, type Json, type JsonObject } from "../../src/json.ts";
import type { Edit } from "../../src/protocols/body.ts";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import type { ProviderAccount } from "../../src/providers/account.ts";
import { codex } from "../../src/providers/codex/index.ts";
import type { PreparedRequest } from "../../src/providers/provider.ts";

const decoded = readConfig({
  ADMIN_TOKEN: "q7Zt9-Lw2xV5-Rk8mN1-Yb4cP6-Hs3",
  ENCRYPTION_KEY: testKeyOf("fixture"),
});
if (!decoded.ok) throw new Error(decoded.problems.join(", "));
export const config = decoded.config;

export const PLAN: ProviderAccount = {
  id: "account-1",
  kind: "oauth",
  externalId: "acc-uuid:user-1",
  metadata: { account_id: "acc-uuid" },
};
export const API: ProviderAccount = { id: "account-2", kind: "api_key", externalId: "fp", metadata: {} };

/** When the key was issued, and when it is used, epoch ms. */
export const KEY_CREATED_AT = Date.UTC(2026, 9, 1);
export const NOW = Date.UTC(2026, 10, 30);

export interface World {
  account?: ProviderAccount;
  headers?: Record<string, string>;
  keyId?: string;
  keyCreatedAt?: number;
  now?: number;
  operation?: Operation;
  query?: string;
}

export interface Sent {
  prepared: PreparedRequest;
  /** The bytes that would go upstream, as text. */
  text: string;
  body: JsonObject;
  /** The distinct changes, sorted. */
  changes: string[];
  headers: Record<string, string>;
}

/** Prepares a request of this body (JSON text, or a value) and applies its edits. */
export function send(source: string | JsonObject, world: World = {}): Promise<Sent> {
  return sendAs(source, world, () => true);
}

/** The same without the cache key that every request of a plan gets: for what is about the other edits. */
export function sendUnkeyed(source: string | JsonObject, world: World = {}): Promise<Sent> {
  return sendAs(source, world, ({ change }) => change !== "codex-cache-key");
}

async function sendAs(
  source: string | JsonObject,
  world: World,
  counts: (edit: Edit) => boolean,
): Promise<Sent> {
  const account = world.account ?? PLAN;
  const json = typeof source === "string" ? source : JSON.stringify(source);
  const bytes = new TextEncoder().encode(json);
  const value = JSON.parse(json) as JsonObject;
  const prepared = await codex.prepare({
    operation: world.operation ?? "responses",
    body: { bytes, value },
    model: typeof value.model === "string" ? value.model : "",
    query: world.query ?? "",
    headers: new Headers(world.headers),
    account,
    credential: { kind: account.kind, token: "secret-token" },
    keyId: world.keyId ?? "key-1",
    keyCreatedAt: world.keyCreatedAt ?? KEY_CREATED_AT,
    now: world.now ?? NOW,
    config,
  });
  const edits = prepared.edits.filter(counts);
  const text = new TextDecoder().decode(applyEdits(bytes, edits));
  return {
    prepared,
    text,
    body: JSON.parse(text) as JsonObject,
    changes: [...new Set(edits.map((edit) => edit.change))].sort(),
    headers: Object.fromEntries(prepared.headers),
  };
}

const ACCEPTED =
  "model instructions input tools tool_choice parallel_tool_calls reasoning text include store stream stream_options prompt_cache_key service_tier client_metadata".split(
    " ",
  );

/** What the backend would refuse in a body, by the rules of providers/codex.md §2.2; empty when it fits. */
export function refusals(body: JsonObject): string[] {
  const found: string[] = [];
  const refuse = (when: boolean, why: string) => {
    if (when) found.push(why);
  };
  for (const name of Object.keys(body)) refuse(!ACCEPTED.includes(name), `Unsupported parameter: ${name}`);
  refuse(body.stream !== true, "Stream must be set to true");
  refuse(body.store !== false, "Store must be set to false");
  refuse(
    typeof body.instructions !== "string" || body.instructions.trim() === "",
    "Instructions are required",
  );
  refuse("service_tier" in body && !/^(priority|ultrafast)$/.test(String(body.service_tier)), "service_tier");
  if ("stream_options" in body) {
    const names = isObject(body.stream_options) ? Object.keys(body.stream_options) : ["?"];
    refuse(names.join() !== "reasoning_summary_delivery", "stream_options");
  }
  const include = Array.isArray(body.include) ? body.include : [];
  refuse(!include.includes("reasoning.encrypted_content"), "reasoning would get lost");
  const tools = Array.isArray(body.tools) ? body.tools : [];
  refuse("parallel_tool_calls" in body && tools.length === 0, "parallel_tool_calls without tools");
  for (const tool of tools) {
    refuse(isObject(tool) && String(tool.type).startsWith("web_search_preview"), "web_search_preview");
    refuse(isObject(tool) && "prompt_cache_breakpoint" in tool, "prompt_cache_breakpoint on a tool");
  }
  if (!Array.isArray(body.input)) return [...found, "Input must be a list"];
  for (const item of body.input) found.push(...itemRefusals(item));
  return found;
}

function itemRefusals(item: Json): string[] {
  if (!isObject(item)) return ["item is not an object"];
  const found: string[] = [];
  if (item.role === "system") found.push("System messages are not allowed");
  if ("id" in item || item.type === "item_reference") found.push(`Item with id '${item.id}' not found`);
  if ("prompt_cache_breakpoint" in item) found.push("prompt_cache_breakpoint on an item");
  for (const parts of [item.content, item.output]) {
    if (!Array.isArray(parts)) continue;
    if (parts.some((part) => isObject(part) && "prompt_cache_breakpoint" in part)) {
      found.push("prompt_cache_breakpoint on a part");
    }
  }
  if (item.type === "reasoning") {
    if (typeof item.encrypted_content !== "string" || item.encrypted_content === "")
      found.push("unreadable reasoning");
    if ("status" in item) found.push("reasoning with a status");
    if (Array.isArray(item.content) && item.content.length > 0) found.push("reasoning with content");
  }
  return found;
}

/** A JWT with this payload and a signature that nobody checks. */
export function jwt(payload: JsonObject): string {
  const part = (value: JsonObject) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    return btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  };
  return `${part({ alg: "RS256" })}.${part(payload)}.c2ln`;
}
