/** What tests configure Kleis with (the secrets are those of harness/secrets.ts), randomness, and real time. */
import { setTimeout as wait } from "node:timers/promises";
import { SECRETS } from "../../harness/secrets.ts";
import type { Config } from "../../src/config.ts";
import { readConfig } from "../../src/environment.ts";

/** The configuration for these variables; throws what is wrong with them. */
export function testConfig(env: Record<string, string> = {}): Config {
  const config = readConfig({ ...SECRETS, MODELS_DEV_URL: "", ...env });
  if (!config.ok) throw new Error(config.problems.join("; "));
  return config.config;
}

export const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

/** In real time; keeps no process alive. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
