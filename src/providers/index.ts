/** The list of providers. Adding one is a folder and a line here. */
import { claude } from "./claude/index.ts";
import { codex } from "./codex/index.ts";
import { copilot } from "./copilot/index.ts";
import type { Provider } from "./provider.ts";

/** In the order in which native vendors are tried before carriers. */
export const PROVIDERS: readonly Provider[] = [codex, claude, copilot];

export function providerById(id: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.id === id);
}
