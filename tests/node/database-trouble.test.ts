/** The built server while its database file is in trouble: full, locked, gone. Nothing that was confirmed is lost. */
import { rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSqld } from "../../harness/sqld.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { wire } from "../http/wire.ts";
import { type Bundle, bundle, endAll, newFolder, type RunOptions, run } from "./process.ts";

const TOKEN = "trouble-tests-6b1f0c9e2d7a4583";
const ENCRYPTION_KEY = Buffer.from("the-key-of-the-tests-of-trouble!").toString("base64");
const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };

let server: Bundle;
beforeAll(() => {
  server = bundle();
});
afterAll(async () => {
  await endAll();
  server?.remove();
});

async function started(folder: string, options: RunOptions = {}, env: Record<string, string> = {}) {
  const running = run(
    server.path,
    { KLEIS_DATA_DIR: folder, ADMIN_TOKEN: TOKEN, ENCRYPTION_KEY, LOG_LEVEL: "error", ...env },
    options,
  );
  const url = await running.url;
  return {
    running,
    file: join(folder, "kleis.db"),
    newKey: () => wire(`${url}/admin/keys`, { headers, body: { label: "x".repeat(50) } }),
    keys: async () => {
      const { json } = await wire(`${url}/admin/keys?limit=200`, { method: "GET", headers });
      return (json as { keys: { id: string }[] }).keys.map(({ id }) => id);
    },
    models: (key: string) =>
      wire(`${url}/v1/models`, { method: "GET", headers: { authorization: `Bearer ${key}` } }),
    deep: () => wire(`${url}/healthz?deep=1`, { method: "GET", headers }),
    async end() {
      running.signal("SIGTERM");
      return running.exit;
    },
  };
}

/** A way to the database that can fall silent: connections stay open, and nothing passes. */
async function silenceable(to: string) {
  let isSilent = false;
  const held: (() => void)[] = [];
  const passed = (from: Socket, onto: Socket) => {
    from.on("data", (part) => {
      if (isSilent) held.push(() => onto.write(part));
      else onto.write(part);
    });
    from.on("close", () => onto.destroy());
    from.on("error", () => {});
  };
  const between = createServer((near) => {
    const far = connect(Number(new URL(to).port), "127.0.0.1");
    passed(near, far);
    passed(far, near);
  });
  await new Promise<void>((listening) => between.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(between.address() as AddressInfo).port}`,
    hush() {
      isSilent = true;
    },
    speak() {
      isSilent = false;
      for (const pass of held.splice(0)) pass();
    },
    close: () => void between.close(),
  };
}

const idOf = (json: unknown) => (json as { id: string }).id;
const keyOf = (json: unknown) => (json as { key: string }).key;

test.skipIf(process.platform === "win32")(
  "a disk that runs full: what was confirmed is there, and the rest is refused in words",
  async () => {
    const folder = newFolder();
    const full = await started(folder, { maxFileBytes: 600 * 1024 });
    const confirmed: string[] = [];
    let answer = await full.newKey();
    const key = keyOf(answer.json);
    for (let made = 0; answer.status === 201 && made < 200; made++) {
      confirmed.push(idOf(answer.json));
      answer = await full.newKey();
    }
    expect(answer.status).toBe(503);
    expect(answer.text).toMatch(/cannot use its database.*disk/);
    // A probe is smaller than a key: a few may still fit.
    let deep = await full.deep();
    for (let probes = 0; deep.status === 200 && probes < 50; probes++) deep = await full.deep();
    expect([deep.status, deep.text]).toEqual([503, expect.stringMatching(/disk/)]);
    expect((await full.models(key)).status).toBe(200);
    expect(new Set(await full.keys())).toEqual(new Set(confirmed));
    expect(full.running.output()).toMatch(/"reason":"[^"]*disk/);
    full.running.signal("SIGKILL");
    await full.running.exit;

    const roomy = await started(folder);
    expect(new Set(await roomy.keys())).toEqual(new Set(confirmed));
    expect((await roomy.newKey()).status).toBe(201);
    expect((await roomy.deep()).status).toBe(200);
    expect(await roomy.end()).toBe(0);
  },
);

test("a file that another process has locked stops no request that needs no write; one that was deleted is said to be", async () => {
  const { file, running, newKey, models, deep, end } = await started(newFolder());
  const key = keyOf((await newKey()).json);
  const other = createClient({ url: `file:${file}` });
  const lock = await other.transaction("write");
  const write = newKey();
  let isWritten = false;
  void write.then(() => {
    isWritten = true;
  });
  for (let round = 0; round < 5; round++) expect((await models(key)).status).toBe(200);
  expect(isWritten).toBe(false);
  await lock.rollback();
  other.close();
  expect((await write).status).toBe(201);

  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
  const lost = await newKey();
  expect([lost.status, lost.text]).toEqual([503, expect.stringContaining("deleted or moved")]);
  const checked = await deep();
  expect([checked.status, checked.text]).toEqual([503, expect.stringContaining("deleted or moved")]);
  expect((await models(key)).status).toBe(200);
  expect(running.output()).toContain("deleted or moved");
  expect(await end()).toBe(0);
});

test.skipIf(sqldMissing !== null)(
  "a database that hangs: known keys go on, writes are refused in words, and what was confirmed is there",
  async () => {
    const sqld = await startSqld({ wantsToken: false });
    const way = await silenceable(sqld.url);
    const { newKey, keys, models, deep, running, end } = await started(
      newFolder(),
      {},
      {
        TURSO_DATABASE_URL: way.url,
      },
    );
    const made = (await newKey()).json;
    expect((await models(keyOf(made))).status).toBe(200);

    way.hush();
    const [written, checked, known] = await Promise.all([newKey(), deep(), models(keyOf(made))]);
    expect([written.status, written.text]).toEqual([503, expect.stringContaining("storage_unavailable")]);
    expect(written.text).toMatch(/database/);
    expect(checked.status).toBe(503);
    expect(known.status).toBe(200);
    expect(running.output()).toMatch(/database|storage/);

    way.speak();
    const again = await newKey();
    expect(again.status).toBe(201);
    const all = await keys();
    expect(all).toContain(idOf(made));
    expect(all).toContain(idOf(again.json));
    expect(await end()).toBe(0);
    way.close();
    await sqld.close();
  },
  60_000,
);
