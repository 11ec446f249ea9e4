/** An adapter without a disk: turns its variables into a request handler, which explains what is wrong where a variable is invalid. */
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

export type EdgeAdapter = Pick<App, "fetch">;

/** Never throws: a deployment that cannot work answers every request with the reason. */
export function createEdgeAdapter(
  variables: Record<string, string | undefined>,
  { databaseClients, ...host }: EdgeHost,
): EdgeAdapter {
  const result = readEdgeEnvironment(variables);
  if (!result.ok) return refusingAdapter(result.problems);
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

function refusingAdapter(problems: readonly string[]): EdgeAdapter {
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
