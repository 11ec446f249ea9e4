/** The container, as far as it can be shown without an engine: the file itself, and the very folder that goes into it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SHUTDOWN_LIMIT_MS } from "../../adapters/node/server.ts";
import { bareEnvironment, freePort, NODE, ROOT, runScript, startProcess } from "../../harness/process.ts";
import { testKeyOf } from "../../harness/secrets.ts";

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
  for (const other of ["@types", "undici-types", "esbuild", "node", "typescript", "vitest", "wrangler"])
    expect(names).not.toContain(other);
  // One native part: that of the C library which is here.
  expect(readdirSync(join(image, "node_modules/@libsql")).filter((name) => /^linux-/.test(name)).length).toBe(
    process.platform === "linux" ? 1 : 0,
  );
  expect(existsSync(join(image, "src"))).toBe(false);
  // A stack names what stands in this repository, wherever the image was laid out.
  const { sources } = JSON.parse(readFileSync(join(image, "dist/server.mjs.map"), "utf8"));
  const own: string[] = sources.filter((source: string) => !source.startsWith("../node_modules/"));
  expect(own).toContain("../src/app.ts");
  expect(own.filter((source) => !existsSync(join(ROOT, "dist", source)))).toEqual([]);
});

test("the container and the services of the docs are given the time that an end in order may take", () => {
  const pages = ["container", "node"].map((name) =>
    readFileSync(join(ROOT, `docs/deploy/${name}.md`), "utf8"),
  );
  const seconds = [
    /docker run .*--stop-timeout (\d+) /,
    /stop_grace_period: (\d+)s/,
    /TimeoutStopSec=(\d+)/,
    /<key>ExitTimeOut<\/key><integer>(\d+)</,
  ].map((written) => Number(written.exec(pages.join("\n"))?.[1]));
  for (const each of seconds) expect(each * 1000).toBeGreaterThanOrEqual(SHUTDOWN_LIMIT_MS + 5_000);
});

test("what npm start ends in runs from the image's folder, is found healthy, and ends in order", async () => {
  const start = readFileSync(join(ROOT, "scripts/start.mjs"), "utf8");
  expect(command[0]).toBe("node");
  const given = command.slice(1).map((argument) => JSON.stringify(argument));
  expect(start).toContain(`launch(node, [${given.join(", ")}])`);
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

test("the doctor and the rotation of keys run inside, as the docs have it", async () => {
  const page = readFileSync(join(ROOT, "docs/deploy/container.md"), "utf8");
  const commands = [...page.matchAll(/docker exec kleis node (dist\/[\w-]+\.mjs)/g)].map(
    ([, path = ""]) => path,
  );
  expect([...new Set(commands)].sort()).toEqual(["dist/doctor.mjs", "dist/rotate-keys.mjs"]);
  expect(instructions.findLast(({ rest }) => rest.startsWith("--from"))?.rest).toBe(
    "--from=build /image /kleis",
  );
  expect(last("WORKDIR")).toBe("/kleis");

  const KLEIS_DATA_DIR = join(image, "data-of-these");
  const exec = (path: string, more: Record<string, string> = {}, ...given: string[]) =>
    spawnSync(NODE, [path, ...given], {
      cwd: image,
      env: bareEnvironment({ KLEIS_DATA_DIR, ...more }),
      encoding: "utf8",
    });
  const server = await startProcess(
    NODE,
    command.slice(1),
    { cwd: image, env: bareEnvironment({ PORT: "0", MODELS_DEV_URL: "", KLEIS_DATA_DIR }) },
    /running at (\S+)/,
  );
  try {
    const doctor = exec("dist/doctor.mjs");
    expect(doctor.stdout).toContain("Nothing is wrong.");
    expect(doctor.status).toBe(0);
    const { ENCRYPTION_KEY: old = "" } = parseEnv(readFileSync(join(KLEIS_DATA_DIR, "secrets.env"), "utf8"));
    const ENCRYPTION_KEY = `${testKeyOf("four")},${old}`;
    const rotation = exec("dist/rotate-keys.mjs", { ENCRYPTION_KEY });
    expect(rotation.stdout).toContain("Every other key of the ring can be taken away now.");
    expect(rotation.status).toBe(0);
  } finally {
    await server.close();
  }
});

test.each([
  ["dist/doctor.mjs", ["--env-file", "none.env"], "none.env cannot be read."],
  ["dist/doctor.mjs", ["staging"], "Usage: npm run doctor"],
  ["dist/rotate-keys.mjs", ["https://kleis.example"], "Usage: npm run rotate-keys"],
])("%s %s ends in words and without a stack", (path, given, words) => {
  const { status, stdout, stderr } = spawnSync(NODE, ["--", path, ...given], {
    cwd: image,
    env: bareEnvironment(),
    encoding: "utf8",
  });
  expect(status).not.toBe(0);
  expect(stdout + stderr).toContain(words);
  expect(stdout + stderr).not.toMatch(/^\s+at /m);
});
