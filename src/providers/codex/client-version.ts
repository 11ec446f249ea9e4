/** The Codex version that the backend judges its list by (providers/codex.md §2.6). */
import type { ClientVersions } from "../provider.ts";
import { CLIENT_VERSION, CODEX_AGENT } from "./profile.ts";

export const clientVersions: ClientVersions = {
  namedIn: (userAgent) => CODEX_AGENT.exec(userAgent)?.[1] ?? null,
  isOlder,
  wanted({ CODEX_CLIENT_VERSION: fixed }, seen) {
    if (fixed !== undefined) return fixed;
    return seen !== null && isOlder(CLIENT_VERSION, seen) ? seen : CLIENT_VERSION;
  },
};

/** Compares `major.minor.patch` by number. */
function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
