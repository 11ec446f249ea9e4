/** What may leave Kleis: the names of headers that were chosen for each provider, and the hosts that are configured. */
import type { Fakes, RecordedRequest } from "../fakes/index.ts";

/** What HTTP itself needs, and what every request is given. */
const COMMON = [
  ...["host", "connection", "content-length", "transfer-encoding", "content-type"],
  ...["accept", "accept-encoding", "user-agent", "authorization"],
];

/** By provider; the names stand in its `headers.ts`, `prepare.ts` and `profile.ts`. */
const CHOSEN = {
  claude: [
    "x-api-key",
    "anthropic-version",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "x-app",
  ],
  codex: [
    ...["chatgpt-account-id", "originator", "session-id", "x-openai-fedramp", "openai-beta"],
    ...["x-codex-turn-state", "x-codex-beta-features", "x-openai-internal-codex-responses-lite"],
  ],
  copilot: [
    ...["x-initiator", "openai-intent", "copilot-vision-request", "x-github-api-version"],
    ...["anthropic-version", "anthropic-beta"],
  ],
} as const;

/** Every request that went out. */
export function outgoing({ claude, codex, copilot }: Fakes): RecordedRequest[] {
  return [claude, codex, copilot].flatMap((fake) => fake.requests);
}

/** Headers that nobody has chosen, with the request that carried them. */
export function strangeHeaders(fakes: Fakes): string[] {
  const strange = (["claude", "codex", "copilot"] as const).flatMap((provider) => {
    const allowed: readonly string[] = [...COMMON, ...CHOSEN[provider]];
    return fakes[provider].requests.flatMap(({ path, headers }) =>
      Object.keys(headers)
        .filter((name) => !allowed.includes(name))
        .map((name) => `${provider} ${path}: ${name}`),
    );
  });
  return [...new Set(strange)];
}

/** The hosts, with their ports, that Kleis was told to use. */
export function configuredHosts({ env }: Fakes): string[] {
  const addresses = Object.values(env).filter((value) => URL.canParse(value));
  return [...new Set(addresses.map((address) => new URL(address).host))];
}

/** Hosts that requests were addressed to without being configured. */
export function foreignHosts(fakes: Fakes): string[] {
  const configured = configuredHosts(fakes);
  const named = outgoing(fakes).map(({ headers }) => headers.host ?? "");
  return [...new Set(named)].filter((host) => !configured.includes(host));
}
