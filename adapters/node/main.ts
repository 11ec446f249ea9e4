/** `npm start`: starts the Node adapter with the process's environment, logs its address, and shuts down gracefully. */

import { exit, write } from "./output.ts";
import { type RunningServer, SHUTDOWN_LIMIT_MS, start } from "./server.ts";
import { endInOrder } from "./shutdown.ts";

async function main(): Promise<void> {
  let server: RunningServer | null = null;
  endInOrder({ close: async () => server?.close(), limitMs: SHUTDOWN_LIMIT_MS });
  server = await start(process.env);
  write("stdout", `${greeting(server).join("\n")}\n`);
}

function greeting({ url, newAdminToken, warnings }: RunningServer): string[] {
  const lines = [`Kleis is running at ${url}`, `  admin page   ${url}/admin`, `  base URL     ${url}/v1`];
  if (newAdminToken !== null) {
    lines.push(
      "",
      `  admin token  ${newAdminToken}`,
      "  (shown this once; it is kept in the data folder's secrets.env)",
    );
  }
  for (const warning of warnings) lines.push("", `  warning      ${warning}`);
  return lines;
}

main().catch((error: unknown) => {
  write("stderr", `${error instanceof Error ? error.message : String(error)}\n`);
  return exit(1);
});
