/** `npm start`: starts the Node door with the process's environment, says where it is, and ends in order. */
import { type RunningServer, SHUTDOWN_LIMIT_MS, start } from "./server.ts";

/**
 * Signals this soon after the first are the same wish, ms: a terminal sends one Ctrl-C to everybody in its group, and
 * npm and scripts/start.mjs pass theirs on as well.
 */
const SAME_WISH_MS = 2_000;

async function main(): Promise<void> {
  const server = await start(process.env);
  const lines = [
    `Kleis is running at ${server.url}`,
    `  admin page   ${server.url}/admin`,
    `  base URL     ${server.url}/v1`,
  ];
  if (server.newAdminToken !== null) {
    lines.push(
      "",
      `  admin token  ${server.newAdminToken}`,
      "  (shown this once; it is kept in the data folder's secrets.env)",
    );
  }
  if (server.openFolder !== null) {
    lines.push(
      "",
      `  warning      others may look into the data folder: chmod 700 ${server.openFolder}`,
      "  (the files that Kleis keeps there are for its own user alone)",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  endOnSignal(server);
}

function endOnSignal(server: RunningServer): void {
  let since: number | null = null;
  const end = () => {
    if (since !== null) {
      if (performance.now() - since > SAME_WISH_MS) process.exit(1);
      return;
    }
    since = performance.now();
    process.stdout.write(
      `Kleis is ending: what is under way may finish, for up to ${SHUTDOWN_LIMIT_MS / 1000} s. Another Ctrl-C, two seconds from now or later, ends it at once; a sign-in that is being renewed may then be lost.\n`,
    );
    server.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
