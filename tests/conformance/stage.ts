/** A door built, on a database of its own: how it is started, and where all lies that it keeps and prints. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Build,
  buildNode,
  buildVercel,
  buildWorker,
  type RunningBuild,
  startNodeBuild,
  startVercelBuild,
  startWorkerBuild,
  type Variables,
} from "../../harness/builds.ts";
import { startSqld } from "../../harness/sqld.ts";
import { type DoorName, isWorkers } from "./case.ts";

/** What makes a door say where it connects to, as lines `outgoing <host>:<port>` among what it prints. */
const ANNOUNCING = join(import.meta.dirname, "announce");
const ANNOUNCING_NODE = { NODE_OPTIONS: `--import=${pathToFileURL(join(ANNOUNCING, "node.mjs"))}` };

export interface Stage {
  /** The variables that lead to the database, its token among them. */
  readonly variables: Variables;
  start(variables: Variables): Promise<RunningBuild>;
  /** Everything that the database keeps at this moment, by file. */
  database(): Part[];
  /** What its server has printed; empty where it is a file. */
  databaseLog(): string;
  close(): Promise<void>;
}

/** Bytes in which no secret may be. */
export interface Part {
  readonly where: string;
  readonly bytes: Buffer;
}

export function openStage(door: DoorName): Promise<Stage> {
  if (door === "node") return Promise.resolve(onFile(buildNode()));
  if (isWorkers(door)) {
    const build = buildWorker();
    const own: Variables = door === "native" ? { KLEIS_NATIVE_STREAMS: "on" } : {};
    return onServer(build, (variables) =>
      startWorkerBuild(build, { ...variables, ...own }, join(ANNOUNCING, "worker.js")),
    );
  }
  const build = buildVercel();
  return onServer(build, (variables) => startVercelBuild(build, { ...variables, ...ANNOUNCING_NODE }));
}

function onFile(build: Build): Stage {
  const data = join(build.folder, "data");
  const variables = { KLEIS_DATA_DIR: data };
  return {
    variables,
    start: (more) => startNodeBuild(build, { ...more, ...variables, ...ANNOUNCING_NODE }),
    // `secrets.env` is where the admin token and the encryption key may be.
    database: () => filesIn(data).filter(({ where }) => where !== "secrets.env"),
    databaseLog: () => "",
    close: async () => build.remove(),
  };
}

async function onServer(build: Build, start: Stage["start"]): Promise<Stage> {
  const server = await startSqld();
  return {
    variables: server.variables,
    start: (more) => start({ ...more, ...server.variables }),
    database: () => filesIn(server.folder),
    databaseLog: server.output,
    async close() {
      await server.close();
      build.remove();
    },
  };
}

function filesIn(folder: string): Part[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ where: relative(folder, path), bytes: readFileSync(path) }));
}
