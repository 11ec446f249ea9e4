/** A door without a disk: from its variables to an answer, be it Kleis's own or, where a variable is wrong, words on it. */
import { type App, createApp } from "../../src/app.ts";
import { KleisError } from "../../src/errors.ts";
import { errorResponse, protocolOfRequest } from "../../src/http/error-response.ts";
import type { Runtime } from "../../src/runtime.ts";
import { createLibsqlStorage } from "../../src/storage/libsql/storage.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { connectDatabase } from "./database.ts";
import { readEdgeEnvironment } from "./environment.ts";
import { clock, createConsoleLogger, random } from "./platform.ts";

/** What the one host does otherwise than the other. */
export interface EdgeHost
  extends Pick<Runtime, "fetch" | "waitUntil" | "zstd" | "sharesPromises" | "passthrough"> {
  /** `perCall` where a client must not outlive the request that opened it. */
  readonly databaseClients: "shared" | "perCall";
}

export type EdgeDoor = Pick<App, "fetch">;

/** Never throws: a deployment that cannot work answers every request with the reason. */
export function createEdgeDoor(
  variables: Record<string, string | undefined>,
  { databaseClients, ...host }: EdgeHost,
): EdgeDoor {
  const result = readEdgeEnvironment(variables);
  if (!result.ok) return refusingDoor(result.problems);
  const { config, database } = result.environment;
  const sealer = createSealer(config.ENCRYPTION_KEY, random);
  return createApp({
    ...host,
    config,
    clock,
    random,
    logger: createConsoleLogger(config.LOG_LEVEL),
    storage: createLibsqlStorage({
      connections: connectDatabase(database, databaseClients, sealer),
      sealer,
      sleep: clock.sleep,
    }),
  });
}

function refusingDoor(problems: readonly string[]): EdgeDoor {
  const words = `This deployment of Kleis is not configured yet: ${problems.join("; ")}. Set the variables on the host and deploy again.`;
  return {
    fetch(request) {
      const protocol = protocolOfRequest(new URL(request.url).pathname, request.headers);
      const error = new KleisError("not_configured", words, {
        headers: { "x-content-type-options": "nosniff" },
      });
      return errorResponse(error, protocol, "req_not_configured");
    },
  };
}
