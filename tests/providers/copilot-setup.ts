/** The smallest world of the Copilot tests: a configuration, an account, and a request ready to prepare. */

import { testKeyOf } from "../../harness/secrets.ts";
import type { Config } from "../../src/config.ts";
import { readConfig } from "../../src/environment.ts";
import type { JsonObject } from "../../src/json.ts";
import { applyEdits } from "../../src/protocols/json-edit.ts";
import type { Operation } from "../../src/protocols/protocol.ts";
import type { ProviderAccount } from "../../src/providers/account.ts";
import { copilot } from "../../src/providers/copilot/index.ts";
import type { PreparedRequest } from "../../src/providers/provider.ts";

export const TOKEN = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

export function config(environment: Record<string, string> = {}): Config {
  const result = readConfig({
    ADMIN_TOKEN: "q8Vt2mZx71LcRw94NbYs60Kd",
    ENCRYPTION_KEY: testKeyOf("fixture"),
    ...environment,
  });
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.config;
}

export function account(metadata: JsonObject = {}): ProviderAccount {
  return { id: "acc_1", kind: "oauth", externalId: "github.com:583231", metadata };
}

export interface Asked {
  operation?: Operation;
  headers?: Record<string, string>;
  query?: string;
  metadata?: JsonObject;
  environment?: Record<string, string>;
}

/** Prepares a body given as JSON text or as a value. */
export async function prepared(body: string | JsonObject, asked: Asked = {}): Promise<PreparedRequest> {
  const source = typeof body === "string" ? body : JSON.stringify(body);
  return copilot.prepare({
    operation: asked.operation ?? "chat",
    body: { bytes: new TextEncoder().encode(source), value: JSON.parse(source) },
    model: "gpt-5-mini",
    query: asked.query ?? "",
    headers: new Headers(asked.headers),
    account: account(asked.metadata),
    credential: { kind: "oauth", token: TOKEN },
    keyId: "key_1",
    keyCreatedAt: 1_790_000_000_000,
    now: 1_790_000_000_000,
    config: config(asked.environment),
  });
}

/** An answer in one piece as the client gets it. */
export function answered({ response }: PreparedRequest, source: string): string {
  const edits = response.json?.(JSON.parse(source)) ?? [];
  return new TextDecoder().decode(applyEdits(new TextEncoder().encode(source), edits));
}

/** An event as a server writes it. */
export function event(data: JsonObject | string, name?: string): Uint8Array {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return new TextEncoder().encode(`${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`);
}
