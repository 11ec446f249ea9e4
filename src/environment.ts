/** The environment as Kleis and its providers decode it. */
import { type ConfigResult, decodeConfig } from "./config.ts";
import { PROVIDERS } from "./providers/index.ts";

/** Decodes an environment. `problems` name the variable and what to do; they never repeat its value. */
export function readConfig(environment: Record<string, string | undefined>): ConfigResult {
  return decodeConfig(environment, PROVIDERS);
}
