/** A log that cannot be written: no way in which a stream fails ends the process, and nothing acknowledged is lost. */
import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createLogger } from "../../adapters/node/logger.ts";
import { type OutputName, write } from "../../adapters/node/output.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { wire } from "../http/wire.ts";
import { type Bundle, bundle, endAll, newFolder, run } from "./process.ts";
import { until } from "./upstream.ts";

const BUNDLER = pathToFileURL(join(import.meta.dirname, "../../scripts/bundle.mjs")).href;
const TOKEN = "output-tests-6b1f0c9e2d7a4583";

describe("in the process", () => {
  afterEach(() => vi.restoreAllMocks());

  const cases = (["stdout", "stderr"] as const).flatMap((name) =>
    ["EPIPE", "ENOSPC", "EIO", "EAGAIN", "EBADF", "ERR_STREAM_DESTROYED"].map(
      (code) => [name, code] as const,
    ),
  );

  test.each(cases)("%s fails with %s, thrown or told: writing goes on", (name, code) => {
    const error = Object.assign(new Error("write"), { code });
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    vi.spyOn(process[name], "write").mockImplementation(() => {
      throw error;
    });
    expect(write(name, "text")).toBe(false);
    // Without a listener this throws, and that would end the process.
    expect(() => process[name].emit("error", error)).not.toThrow();
    expect(write(other(name), "text")).toBe(true);
  });

  test("unread output does not pile up, and the next line says how much was dropped", () => {
    const lines: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => lines.push(String(text)) > 0);
    const waiting = vi.spyOn(process.stderr, "writableLength", "get").mockReturnValue(2 * 1024 * 1024);
    const logger = createLogger("info");
    logger.info("one");
    logger.info("two");
    expect(lines).toEqual([]);
    waiting.mockReturnValue(0);
    logger.info("three");
    logger.info("four");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "three", lines_lost_before: 2 },
      { event: "four" },
    ]);
    expect(lines[1]).not.toContain("lines_lost_before");
  });

  const other = (name: OutputName) => (name === "stdout" ? "stderr" : "stdout");
});

describe("the built programs", () => {
  let server: Bundle;
  beforeAll(() => {
    server = bundle();
  });
  afterAll(async () => {
    await endAll();
    server?.remove();
  });

  const environment = (folder: string, ring: string) => ({
    KLEIS_DATA_DIR: folder,
    ADMIN_TOKEN: TOKEN,
    ENCRYPTION_KEY: ring,
    LOG_LEVEL: "debug",
  });
  const call = (url: string, method: "GET" | "POST", path: string, key = TOKEN) =>
    wire(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(method === "POST" ? { body: {} } : {}),
    });
  const keyOf = async (url: string) =>
    String(((await call(url, "POST", "/admin/keys")).json as { key: string }).key);

  test("a log whose reader has gone: it serves, keeps what it has acknowledged through kill -9, and ends in order", async () => {
    const folder = newFolder();
    const first = run(server.path, environment(folder, testKeyOf("five")));
    const url = await first.url;
    first.closeOutput();
    const keys = [await keyOf(url), await keyOf(url)];
    expect((await call(url, "GET", "/healthz")).status).toBe(200);
    first.signal("SIGKILL");
    await first.exit;

    const second = run(server.path, environment(folder, testKeyOf("five")));
    const again = await second.url;
    second.closeOutput();
    for (const key of keys) expect((await call(again, "GET", "/v1/models", key)).status).toBe(200);
    second.signal("SIGHUP");
    expect(await second.exit).toBe(0);
  });

  test.runIf(existsSync("/dev/full"))(
    "a full disk under either stream is said on the other; a rotation goes on, too",
    async () => {
      const full = openSync("/dev/full", "w");
      const folder = newFolder();
      const ring = testKeyOf("five");
      const noLog = run(server.path, environment(folder, ring), { stderr: full });
      const key = await keyOf(await noLog.url);
      await until("it says so", () => noLog.output().includes("cannot write to its log"), 30_000);
      noLog.signal("SIGTERM");
      expect(await noLog.exit).toBe(0);
      expect(noLog.output()).toContain("(ENOSPC)");

      const programs = join(import.meta.dirname, "../../dist", `output-test-${process.pid}`);
      const { bundleForNode, ROTATION, WITH_LIBSQL } = await import(BUNDLER);
      await bundleForNode(ROTATION, programs, WITH_LIBSQL);
      const rings = `${testKeyOf("seven")},${ring}`;
      const rotation = run(join(programs, "rotate-keys.mjs"), environment(folder, rings), { stdout: full });
      expect(await rotation.exit).toBe(0);
      rmSync(programs, { recursive: true });

      const noWords = run(
        server.path,
        { ...environment(folder, testKeyOf("seven")), PORT: "0" },
        { stdout: full },
      );
      await until(
        "it says so",
        () => noWords.output().includes("cannot write to its standard output"),
        30_000,
      );
      noWords.signal("SIGTERM");
      expect(await noWords.exit).toBe(0);
      closeSync(full);
      expect(key).toMatch(/^kleis_/);
    },
  );
});
