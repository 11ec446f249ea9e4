/** The Vercel door beside the cases of the conformance suite: what the build writes, and what it says when it cannot work. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Build, buildVercel, startVercelBuild } from "../../harness/builds.ts";
import { bareEnvironment, NODE, ROOT } from "../../harness/process.ts";

let build: Build;
const read = (path: string) => readFileSync(join(build.folder, "output", path), "utf8");

beforeAll(() => {
  build = buildVercel();
});
afterAll(() => build.remove());

test("vercel.json leaves nothing to detection", () => {
  const settings = JSON.parse(readFileSync(join(ROOT, "vercel.json"), "utf8"));
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(settings).toMatchObject({ framework: null, fluid: true, buildCommand: "npm run build:vercel" });
  expect(scripts["build:vercel"]).toMatch(/ && node scripts\/build-vercel\.mjs$/);
});

test("the output is one Node function that streams, is cancelled with its client, and gets every path", () => {
  expect(JSON.parse(read("config.json"))).toEqual({
    version: 3,
    routes: [{ handle: "filesystem" }, { src: "/(.*)", dest: "/index" }],
  });
  expect(JSON.parse(read("functions/index.func/.vc-config.json"))).toEqual({
    runtime: "nodejs24.x",
    handler: "index.mjs",
    launcherType: "Nodejs",
    shouldAddHelpers: false,
    supportsResponseStreaming: true,
    supportsCancellation: true,
    maxDuration: 300,
  });
  expect(readdirSync(join(build.folder, "output/functions/index.func")).sort()).toEqual([
    ".vc-config.json",
    "index.mjs",
    "package.json",
  ]);
  expect(read("static/robots.txt")).toBe(readFileSync(join(ROOT, "public/robots.txt"), "utf8"));
  const code = read("functions/index.func/index.mjs");
  process.stdout.write(
    `Vercel function: ${(gzipSync(code).length / 1024).toFixed(1)} KiB gzip, ${(code.length / 1024).toFixed(1)} KiB unpacked\n`,
  );
  expect(gzipSync(code).length).toBeLessThan(450 * 1024);
});

test("the longest duration of a plan can be chosen at build time, and only a sensible one", () => {
  const run = (seconds: string) =>
    spawnSync(NODE, ["scripts/build-vercel.mjs", join(build.folder, "other")], {
      cwd: ROOT,
      env: bareEnvironment({ KLEIS_VERCEL_MAX_DURATION: seconds }),
      encoding: "utf8",
    });
  expect(run("800").status).toBe(0);
  const settings = readFileSync(join(build.folder, "other/functions/index.func/.vc-config.json"), "utf8");
  expect(JSON.parse(settings)).toMatchObject({ maxDuration: 800 });
  // The last would cut a token's renewal off.
  for (const refused of [run("soon"), run("801"), run("60")]) {
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("KLEIS_VERCEL_MAX_DURATION must be");
  }
});

test("without its variables the function says which are missing, and leaves nothing on the disk", async () => {
  const door = await startVercelBuild(build, { ADMIN_TOKEN: "", ENCRYPTION_KEY: "not-a-key" });
  try {
    const response = await fetch(`${door.url}/v1/messages`, { method: "POST", body: "{}" });
    expect(response.status).toBe(503);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const text = await response.text();
    expect(text).toContain("ADMIN_TOKEN is not set");
    expect(text).toContain("ENCRYPTION_KEY must be 32 bytes in base64");
    expect(text).toContain("TURSO_DATABASE_URL is not set");
    expect(text).not.toContain("not-a-key");
    expect(existsSync(join(build.folder, ".kleis"))).toBe(false);
  } finally {
    await door.close();
  }
});
