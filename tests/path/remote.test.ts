/** The same over a real libSQL server, as the doors without a disk reach it: a round trip there is one HTTP request. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { connectDatabase } from "../../adapters/edge/database.ts";
import { TEST_KEY } from "../../harness/secrets.ts";
import { type Sqld, startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { createSealer } from "../../src/storage/seal.ts";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { random } from "../support/config.ts";
import { issue, type Process, settle, startProcess } from "./processes.ts";

describe.skipIf(sqldMissing !== null).each(["perCall", "shared"] as const)("with clients %s", (clients) => {
  let server: Sqld;
  let fakes: Fakes;
  /** Of each HTTP request to the database its statements, in lower case. */
  let asked: string[][];

  beforeAll(async () => {
    [server, fakes] = await Promise.all([startSqld({ wantsToken: false }), startFakes()]);
  });
  afterAll(async () => {
    await server?.close();
    await fakes?.close();
  });
  beforeEach(() => {
    asked = [];
    const real = globalThis.fetch;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      if (request.url.startsWith(server.url)) {
        const text = await request.clone().text();
        asked.push(
          [...text.matchAll(/"sql":"((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? "").toLowerCase()),
        );
      }
      return real(request);
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  const start = (): Promise<Process> =>
    startProcess(
      fakes,
      connectDatabase(
        { url: server?.url ?? "", authToken: undefined },
        clients,
        createSealer([TEST_KEY], random),
      ),
    );

  /** The HTTP requests since the last time, less the notes that a key was used. */
  async function spent(process: Process): Promise<string[][]> {
    await process.settled();
    return asked.splice(0).filter((statements) => !statements.some((sql) => sql.startsWith("update")));
  }

  const tablesIn = (statements: string[]) =>
    statements.flatMap((sql) => /^select .*? from \W*(\w+)/.exec(sql)?.[1] ?? []);

  test("a cold request is one HTTP request behind the one that looks at the database's state, a warm one none", async () => {
    const first = await start();
    await settle(first);
    const { key } = await issue(first);
    const answered = async (process: Process) =>
      expect((await process.post("messages", key)).status).toBe(200);
    await answered(first);
    await first.settled();

    asked.length = 0;
    const process = await start();
    await answered(process);
    const [state, ...rest] = await spent(process);
    expect(tablesIn(state ?? [])).toEqual(["__drizzle_migrations", "system_settings"]);
    const whole = ["api_keys", "provider_accounts", "account_limits", "provider_accounts", "system_settings"];
    expect(rest.map(tablesIn)).toEqual([whole]);
    // It waits for no writer.
    expect(rest[0]).toContain("begin transaction readonly");

    for (let round = 0; round < 3; round++) await answered(process);
    expect(await spent(process)).toEqual([]);
    process.clock.ms += 10_000;
    await answered(process);
    expect((await spent(process)).map(tablesIn)).toEqual([whole]);

    const other = await issue(process);
    await process.settled();
    asked.length = 0;
    expect((await process.post("messages", other.key)).status).toBe(200);
    expect((await spent(process)).map(tablesIn)).toEqual([["api_keys"]]);
  });
});
