/** The Workers door beside the cases of the conformance suite: its size, its settings, and the platform's part of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestHarness, unstable_readConfig } from "wrangler";
import { type Build, buildWorker, type RunningBuild, startWorkerBuild } from "../../harness/builds.ts";
import { ROOT } from "../../harness/process.ts";
import { SECRETS } from "../../harness/secrets.ts";

/** The budget, KiB: far below what the platform allows, since the size is also the time of a cold start. */
const LIMIT_KIB = 400;

let build: Build & { report: string };

beforeAll(() => {
  build = buildWorker();
});
afterAll(() => build.remove());

async function answerOf(door: RunningBuild, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(door.url + path, { method: path.startsWith("/v1") ? "POST" : "GET" });
  return { status: response.status, text: await response.text() };
}

test(`the upload stays under ${LIMIT_KIB} KiB`, () => {
  const code = readFileSync(join(build.folder, "worker.js"));
  const kib = gzipSync(code).length / 1024;
  process.stdout.write(
    `Worker bundle: ${kib.toFixed(1)} KiB gzip, ${(code.length / 1024).toFixed(1)} KiB unpacked\n`,
  );
  expect(kib).toBeLessThan(LIMIT_KIB);
  expect(code.toString()).not.toMatch(/(from|import|require\()\s*["'`]node:/);
});

test("without its variables a Worker says which are missing, and makes none up", async () => {
  const door = await startWorkerBuild(build, { ADMIN_TOKEN: "", ENCRYPTION_KEY: "" });
  try {
    for (const path of ["/healthz", "/admin", "/v1/messages", "/v1/chat/completions"]) {
      const { status, text } = await answerOf(door, path);
      expect(status, path).toBe(503);
      for (const name of ["ADMIN_TOKEN", "ENCRYPTION_KEY", "TURSO_DATABASE_URL"]) {
        expect(text).toContain(`${name} is not set`);
      }
    }
    const { text } = await answerOf(door, "/v1/messages");
    expect(JSON.parse(text)).toMatchObject({ type: "error", error: { message: expect.any(String) } });
  } finally {
    await door.close();
  }
});

test("a wrong variable is named, its value is not repeated", async () => {
  const door = await startWorkerBuild(build, {
    ADMIN_TOKEN: "short-and-secret",
    TURSO_DATABASE_URL: "http://db.example.org/secret-name",
  });
  try {
    const { status, text } = await answerOf(door, "/healthz");
    expect(status).toBe(503);
    expect(text).toContain("ADMIN_TOKEN must have at least 24 characters");
    expect(text).toContain("TURSO_DATABASE_URL may be http:// only on this machine");
    expect(text).not.toContain("short-and-secret");
    expect(text).not.toContain("secret-name");
  } finally {
    await door.close();
  }
});

test("a database that is not there is a 503 for what needs it, and the Worker stays alive", async () => {
  const door = await startWorkerBuild(build, { TURSO_DATABASE_URL: "http://127.0.0.1:9" });
  try {
    expect((await answerOf(door, "/healthz")).status).toBe(200);
    const response = await fetch(`${door.url}/admin/keys`, {
      headers: { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` },
    });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("storage_unavailable");
  } finally {
    await door.close();
  }
});

test("an own domain in wrangler.toml works by uncommenting its line", () => {
  const settings = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const path = join(build.folder, "wrangler.toml");
  writeFileSync(path, settings.replace(/^# (routes = .*)$/m, "$1"));
  const { routes } = unstable_readConfig({ config: path }, { hideWarnings: true });
  expect(routes).toEqual([{ pattern: "kleis.example.com", custom_domain: true }]);
});

test("wrangler.toml serves the public files in front of the Worker, and everything else by it", async () => {
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  const harness = createTestHarness({
    workers: [
      {
        configPath: join(ROOT, "wrangler.toml"),
        vars: { ...SECRETS, TURSO_DATABASE_URL: "http://127.0.0.1:9", LOG_LEVEL: "silent" },
      },
    ],
  });
  try {
    await harness.listen();
    const robots = await harness.fetch("/robots.txt");
    expect(await robots.text()).toBe(readFileSync(join(ROOT, "public/robots.txt"), "utf8"));
    const health = await harness.fetch("/healthz");
    expect(await health.json()).toMatchObject({ status: "ok" });
  } finally {
    await harness.close();
  }
});
