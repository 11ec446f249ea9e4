/** `npm run doctor`: looks at everything that a working Kleis needs and says what to do. Changes and spends nothing. */
import type { Fetch, Runtime } from "../../src/runtime.ts";
import { sharedClient } from "../../src/storage/libsql/connections.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { StorageError } from "../../src/storage/port.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { plainValue } from "../../src/variables.ts";
import { random, clock as systemClock } from "../edge/platform.ts";
import { openClient } from "../node/client.ts";
import { lookAtAccounts, originsOf } from "./accounts.ts";
import { lookAtDatabase } from "./database.ts";
import { lookAtVariables } from "./environment.ts";
import type { Finding } from "./finding.ts";
import { keysOf } from "./keys.ts";
import { lookAtClock, type Reached, reach } from "./reach.ts";
import { lookAtDeployment } from "./remote.ts";

export interface DoctorInput {
  readonly variables: Record<string, string | undefined>;
  /** The origin of a deployment to look at instead of the one that the variables describe. */
  readonly address?: string;
  readonly fetch: Fetch;
  readonly clock?: Runtime["clock"];
}

export async function examine(input: DoctorInput): Promise<Finding[]> {
  const { variables, address, fetch, clock = systemClock } = input;
  if (address !== undefined)
    return lookAtDeployment(fetch, clock, address, plainValue(variables.ADMIN_TOKEN ?? "") || undefined);

  const { findings, surroundings } = lookAtVariables(variables);
  if (surroundings === null) return findings;
  const { config, database, forwardProxies } = surroundings;
  if (database === null) {
    const advice = "The next start makes it.";
    return [...findings, { area: "database", level: "note", text: "There is no database file yet.", advice }];
  }

  const { url } = database;
  const client = openClient(database, forwardProxies);
  try {
    const sealer = createSealer(config.ENCRYPTION_KEY, random);
    const looked = await lookAtDatabase(client, clock.sleep, sealer);
    findings.push(...looked.findings);
    const silent = () => {};
    const runtime: Runtime = {
      config,
      storage: createLibsqlStorage({
        connections: sharedClient(client),
        sealer,
        sleep: clock.sleep,
        readOnly: true,
      }),
      fetch,
      clock,
      random,
      waitUntil: (work) => void work.catch(silent),
      logger: { debug: silent, info: silent, warn: silent, error: silent },
    };
    const accounts = looked.usable ? await runtime.storage.accounts.list() : [];
    const own = url.startsWith("file:")
      ? []
      : [url.replace(/^libsql:/, "https:")].map((each) => new URL(each).origin);
    const reached = await lookAtServers(runtime, originsOf(runtime, accounts), findings);
    const database = await Promise.all(own.map((origin) => reach(fetch, clock, origin)));
    findings.push(lookAtClock([...reached, ...database.filter((each) => "origin" in each)]));
    if (looked.usable) {
      const live = await runtime.storage.keys.count({ state: "working", now: clock.now() });
      findings.push(...(await lookAtAccounts(runtime)), keysOf(live));
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    findings.push({ area: "database", level: "problem", text: error.message });
  } finally {
    client.close();
  }
  return findings;
}

async function lookAtServers(
  { fetch, clock }: Runtime,
  origins: readonly string[],
  findings: Finding[],
): Promise<Reached[]> {
  const area = "providers";
  const answers = await Promise.all(origins.map((origin) => reach(fetch, clock, origin)));
  const reached = answers.filter((answer) => "origin" in answer);
  for (const answer of answers) {
    if ("text" in answer) findings.push({ area, level: "problem", ...answer });
  }
  if (reached.length > 0 && reached.length === origins.length) {
    findings.push({ area, level: "ok", text: `${origins.join(", ")} can be reached.` });
  }
  return reached;
}
