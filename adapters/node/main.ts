/** `npm start`: starts the Node door with the process's environment, says where it is, and ends in order. */
import { start } from "./server.ts";

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
  process.stdout.write(`${lines.join("\n")}\n`);

  let ending = false;
  const end = () => {
    if (ending) process.exit(1);
    ending = true;
    server.close().then(() => process.exit(0));
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
