/** A process that starts like an adapter does: opens the file it is given, waits for the signal, migrates, ends. */
import { createClient } from "@libsql/client";
import { migrate, useWriteAheadLog } from "../../../src/storage/libsql/migrate.ts";

const [file, timeout] = process.argv.slice(2);
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms).unref());

process.stdout.write("ready\n");
process.stdin.once("data", async () => {
  const keepAlive = setInterval(() => undefined, 1_000);
  const client = createClient({ url: `file:${file}`, timeout: Number(timeout) });
  await useWriteAheadLog(client, sleep);
  await migrate(client, sleep);
  const { rows } = await client.execute("select count(*) from __drizzle_migrations");
  process.stdout.write(`applied ${rows[0]?.[0]}\n`);
  client.close();
  clearInterval(keepAlive);
  process.stdin.destroy();
});
