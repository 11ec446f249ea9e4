/** `npm run rotate-keys` on a command line: seals everything with the first key, says how far it is, and fails on what is left. */
import { checkKeyRing } from "../../src/storage/libsql/key-check.ts";
import { migrate } from "../../src/storage/libsql/migrate.ts";
import { rotate } from "../../src/storage/libsql/rotate.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { loadVariables, readArguments } from "../doctor/arguments.ts";
import { lookAtVariables } from "../doctor/environment.ts";
import { report } from "../doctor/finding.ts";
import { clock, random } from "../edge/platform.ts";
import { openClient } from "../node/client.ts";
import { exit, write } from "../node/output.ts";
import { onEndingSignal } from "../node/shutdown.ts";

const say = (line: string) => write("stdout", `${line}\n`);

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (!given.ok || given.address !== undefined || given.live) {
    say(given.ok ? "It takes variables, no address of a deployment and no live checks." : given.problem);
    say("Usage: npm run rotate-keys -- [--env-file=<file>]");
    return 2;
  }
  loadVariables(given.envFile);
  const { findings, surroundings } = lookAtVariables(process.env);
  if (surroundings?.database == null) {
    say(report(findings));
    say("There is no database to rotate the keys of.");
    return 1;
  }
  const { config, database, forwardProxies } = surroundings;
  const sealer = createSealer(config.ENCRYPTION_KEY, random);
  const client = openClient(database, forwardProxies);
  let stopping = false;
  onEndingSignal(() => {
    stopping = true;
  });
  try {
    await migrate(client, clock.sleep);
    await checkKeyRing(client, clock, sealer);
    const { resealed, current, undecryptable, left } = await rotate(client, clock.sleep, sealer, {
      onBatch: (soFar) => {
        say(`${soFar} sealed again`);
        if (stopping) throw new Error("Ended between two batches. Run it again to go on.");
      },
    });
    say(
      `Done: ${resealed} sealed again with the first key of ENCRYPTION_KEY, ${current} are sealed with it.`,
    );
    for (const { table, column, row } of undecryptable)
      say(`  ${table}.${column} of ${row.slice(0, 24)} opens with no key that is set`);
    if (left > 0)
      say(
        `${left} were still being written with another key: give every deployment the same ENCRYPTION_KEY.`,
      );
    if (undecryptable.length > 0 || left > 0) return 1;
    say("Every other key of the ring can be taken away now.");
    return 0;
  } finally {
    client.close();
  }
}

main().then(exit, (error: unknown) => {
  write("stderr", `${error instanceof Error ? error.message : String(error)}\n`);
  return exit(1);
});
