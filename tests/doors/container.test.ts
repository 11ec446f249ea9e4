/** The container, as far as it can be shown without an engine: the file itself, and the very folder that goes into it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bareEnvironment, freePort, NODE, ROOT, runScript, startProcess } from "./process.ts";

const dockerfile = readFileSync(join(ROOT, "Dockerfile"), "utf8").replace(/\\\n/g, " ");
const instructions = dockerfile
  .split("\n")
  .map((line) => /^([A-Z]+) (.+)$/.exec(line.trim()))
  .flatMap((match) => (match === null ? [] : [{ name: match[1] ?? "", rest: match[2] ?? "" }]));
const last = (name: string) => instructions.filter((each) => each.name === name).at(-1)?.rest ?? "";
const healthcheck = JSON.parse(/CMD (\[.*\])$/.exec(last("HEALTHCHECK"))?.[1] ?? "[]") as string[];
const command = JSON.parse(last("CMD")) as string[];

let image: string;

beforeAll(() => {
  image = mkdtempSync(join(tmpdir(), "kleis-image-"));
  const build = instructions.find(({ name, rest }) => name === "RUN" && rest.includes("build-image"));
  runScript([...(build?.rest.split(" ").slice(1, -1) ?? []), image]);
});
afterAll(() => rmSync(image, { recursive: true, force: true }));

test("everything that is copied is there and gets past .dockerignore", () => {
  const allowed = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  const copied = instructions
    .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from"))
    .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
  expect(copied.length).toBeGreaterThan(5);
  expect(copied.filter((each) => !existsSync(join(ROOT, each)))).toEqual([]);
  expect([...copied].sort()).toEqual([...allowed].sort());
});

test("the image runs as a user without rights, in two stages, and names no secret", () => {
  expect(instructions.filter(({ name }) => name === "FROM")).toHaveLength(2);
  expect(last("USER")).toBe("node");
  expect(instructions.findLastIndex(({ name }) => name === "USER")).toBeGreaterThan(
    instructions.findLastIndex(({ name }) => name === "RUN"),
  );
  expect(dockerfile).not.toMatch(/TOKEN|SECRET|_KEY|PASSWORD/);
  expect(last("ENV")).toContain("KLEIS_DATA_DIR=/data");
  expect(last("VOLUME")).toBe("/data");
});

test("the image holds the server, its database driver and nothing of the tools", () => {
  const names = readdirSync(join(image, "node_modules"));
  expect(names).toContain("@libsql");
  for (const tool of ["esbuild", "node", "typescript", "vitest", "wrangler"])
    expect(names).not.toContain(tool);
  expect(existsSync(join(image, "src"))).toBe(false);
});

test("what npm start ends in runs from the image's folder, is found healthy, and ends in order", async () => {
  const start = readFileSync(join(ROOT, "scripts/start.mjs"), "utf8");
  expect(command[0]).toBe("node");
  expect(start).toContain(`spawn(NODE, ["${command[1]}"]`);
  const port = String(await freePort());
  const variables = bareEnvironment({ PORT: port, KLEIS_DATA_DIR: join(image, "data") });
  const check = () => spawnSync(NODE, healthcheck.slice(1), { env: variables }).status;
  expect(healthcheck[0]).toBe("node");
  expect(check()).toBe(1);
  const server = await startProcess(
    NODE,
    command.slice(1),
    { cwd: image, env: variables },
    /running at (\S+)/,
  );
  expect(check()).toBe(0);
  await server.close();
  expect(server.output()).toContain("admin token");
  expect(check()).toBe(1);
});
