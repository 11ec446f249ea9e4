/** `npm run demo`: the fakes, Kleis with three connected accounts and one key, and commands to paste. */

import { write } from "../../adapters/node/output.ts";
import { SHUTDOWN_LIMIT_MS } from "../../adapters/node/server.ts";
import { endInOrder } from "../../adapters/node/shutdown.ts";
import { connectAll, openDoor } from "../support/door.ts";

const door = await openDoor({
  env: { PORT: process.env.PORT ?? "4747", LOG_LEVEL: process.env.LOG_LEVEL ?? "warn" },
});
for (const fake of [door.fakes.claude, door.fakes.codex, door.fakes.copilot])
  fake.always({ scenario: "text", delayMs: 120 });
await connectAll(door);
const key = await door.key({ label: "demo" });

write(
  "stdout",
  `Kleis demo: three stand-in providers, three accounts, one key. Nothing leaves this machine.

  base URL     ${door.url}/v1   (Anthropic clients: ${door.url})
  key          ${key}
  admin page   ${door.url}/admin
  admin token  ${door.adminToken}

Paste one of these and watch the answer stream:

  curl -N ${door.url}/v1/messages -H "x-api-key: ${key}" -H "content-type: application/json" \\
    -d '{"model":"claude-sonnet-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Hello from the demo"}]}'

  curl -N ${door.url}/v1/responses -H "authorization: Bearer ${key}" -H "content-type: application/json" \\
    -d '{"model":"gpt-5.5","stream":true,"input":"Hello from the demo"}'

  curl -N ${door.url}/v1/chat/completions -H "authorization: Bearer ${key}" -H "content-type: application/json" \\
    -d '{"model":"gpt-5-mini","stream":true,"messages":[{"role":"user","content":"Hello from the demo"}]}'

  ANTHROPIC_BASE_URL=${door.url} ANTHROPIC_AUTH_TOKEN=${key} claude

Ctrl-C ends it.
`,
);
endInOrder({ close: () => door.close(), limitMs: SHUTDOWN_LIMIT_MS });
