/** The scripts behind `npm start` and the others: what they spawn, which Node.js they run, and when they build. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Clone, createClone, ROOT } from "../support/clone.ts";

const clones: Clone[] = [];
afterEach(() => {
  for (const clone of clones.splice(0)) clone.remove();
});
function clone(program?: string): Clone {
  const made = createClone(program);
  clones.push(made);
  return made;
}

const LIST = JSON.parse(readFileSync(join(ROOT, "scripts/node-binaries.json"), "utf8")) as {
  version: string;
  sha256: Record<string, string>;
};
/** Not the real binary of 120 MB: a small program whose hash the clone's list holds. */
const STAND_IN = `#!/bin/sh\nexec "${process.execPath}" "$@"\n`;

/** Has the clone's npm lay down a Node.js, and its list hold that one's hash, or another's. */
async function withBinary(made: Clone, platform: string, listed = STAND_IN) {
  const file = join(made.folder, "stand-in");
  writeFileSync(file, STAND_IN, { mode: 0o755 });
  const hash = Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(listed))).toString(
    "hex",
  );
  const list = { version: LIST.version, sha256: { [`${platform}-${process.arch}`]: hash } };
  writeFileSync(join(made.folder, "scripts/node-binaries.json"), JSON.stringify(list));
  return { BINARY: file, BINARY_NAME: platform === "win32" ? "node.exe" : "node" };
}

describe("what is spawned", () => {
  const sources = ["scripts", "adapters"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(mjs|ts)$/.test(name))
      .map((name) => join(ROOT, folder, name)),
  );

  test.each(sources)("%s names no shim and no shell", (path) => {
    const code = readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    expect(code).not.toMatch(
      /\.(cmd|bat|ps1)\b|\.bin\b|\bshell\s*:|(?<!\.)\bexec(Sync)?\(|\bexecFile|\bfork\(/,
    );
    // One place spawns for the scripts, so that none forgets a program that cannot start.
    if (!/\/(child|node-binary|pin-node)\.mjs$/.test(path))
      expect(code).not.toMatch(/(from|import|require)\s*\(?\s*["'](node:)?child_process["']/);
  });

  test("on Windows, in a folder with blanks, all of it runs on the packaged node.exe", async () => {
    const made = clone("console.log(process.argv0);");
    // esbuild asks for its own platform's package, so the bundle is there already.
    made.run("start.mjs");
    rmSync(join(made.folder, "node_modules/.kleis-installed"));
    const env = await withBinary(made, "win32");
    const started = made.run("start.mjs", { platform: "win32", version: "v20.11.0", env });
    expect([started.status, started.stderr]).toEqual([0, expect.stringContaining("Installing")]);
    expect(started.stdout.trim()).not.toBe("");
    expect(readFileSync(join(made.folder, "node_modules/.kleis-installed"), "utf8").split(" ")).toHaveLength(
      3,
    );
  });

  test("a program that cannot start is reported, with exit code 1", async () => {
    const made = clone();
    made.run("start.mjs");
    const env = await withBinary(made, process.platform, "#!/nowhere/at all\n");
    writeFileSync(String(env.BINARY), "#!/nowhere/at all\n", { mode: 0o755 });
    rmSync(join(made.folder, "node_modules/.kleis-installed"));
    const started = made.run("start.mjs", { version: "v22.0.0", env });
    expect(started.status).toBe(1);
    expect(started.stderr).toMatch(/node_modules\/node\/bin\/node cannot be started \(ENOENT\)\.\n$/);
  });

  test("a missing npm is reported", () => {
    const started = clone().run("install.mjs", {
      args: ["start"],
      platform: "win32",
      env: { npm_execpath: "", PATH: "/nowhere" },
    });
    expect([started.status, started.stderr]).toEqual([1, expect.stringContaining("npm cannot be found")]);
    expect(started.stderr).not.toMatch(/^\s+at /m);
  });
});

describe("the Node.js that runs", () => {
  test("is in the list, with the version that package.json asks for", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(LIST.version).toBe(dependencies.node);
    for (const hash of Object.values(LIST.sha256)) expect(hash).toMatch(/^[\da-f]{64}$/);
    expect(Object.keys(LIST.sha256)).toEqual(
      expect.arrayContaining(["linux-x64", "linux-arm64", "win32-x64"]),
    );
  });

  test("is the system's where that is new enough, and then no install script runs", () => {
    const made = clone();
    expect(made.run("start.mjs").stdout).toBe("It runs.\n");
    expect(made.calls()).toEqual([expect.stringContaining("--ignore-scripts=true")]);
    // An older one later needs the packaged one, which is not there.
    made.run("start.mjs", { version: "v22.1.0" });
    expect(made.calls()[1]).toContain("--ignore-scripts=false");
  });

  test("is the packaged one on an older system, whose hash is looked at before it runs, and once", async () => {
    const made = clone();
    made.run("start.mjs");
    const env = await withBinary(made, process.platform);
    const old = { version: "v22.1.0", env };
    expect(made.run("start.mjs", old).stdout).toBe("It runs.\n");
    expect(made.calls()).toHaveLength(2);
    // Of the same size and time it is not read again.
    const binary = join(made.folder, "node_modules/node/bin/node");
    utimesSync(binary, 1_000, 1_000);
    expect(made.run("start.mjs", old).status).toBe(0);
    writeFileSync(binary, STAND_IN.replace("exec ", "exec\t"));
    utimesSync(binary, 1_000, 1_000);
    expect(made.run("start.mjs", old).status).toBe(0);
    appendFileSync(binary, "# changed\n");
    const refused = made.run("start.mjs", old);
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /SHA-256 is not the one in scripts\/node-binaries\.json.*Install Node\.js 24/,
    );
    expect(existsSync(binary)).toBe(false);
  });

  test("is never one whose hash is another's, from the first start on", async () => {
    const made = clone();
    const env = await withBinary(made, process.platform, "another program");
    const refused = made.run("start.mjs", { version: "v22.1.0", env });
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("SHA-256");
    expect(existsSync(join(made.folder, "node_modules/node/bin/node"))).toBe(false);
  });

  test("must be the system's on a platform of which no hash is known: said before anything is downloaded", () => {
    const made = clone();
    const refused = made.run("start.mjs", { platform: "sunos", version: "v22.1.0" });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/needs Node\.js 24 or newer, and this is v22\.1\.0\. Install/);
    expect(made.calls()).toEqual([]);
  });
});

describe("the bundle", () => {
  test("is built when its sources are others, whatever their times say, and only then", () => {
    const made = clone();
    const bundle = join(made.folder, "dist/server.mjs");
    expect(made.run("start.mjs").stdout).toBe("It runs.\n");
    // Without esbuild a build would fail.
    const esbuild = join(made.folder, "node_modules/esbuild");
    rmSync(esbuild);
    const { ino } = statSync(bundle);
    expect(made.run("start.mjs").stdout).toBe("It runs.\n");
    expect(statSync(bundle).ino).toBe(ino);
    writeFileSync(join(made.folder, "adapters/node/main.ts"), "console.log('Another.');");
    utimesSync(join(made.folder, "adapters/node/main.ts"), 1, 1);
    expect(made.run("start.mjs").status).not.toBe(0);
    rmSync(join(made.folder, "node_modules/.kleis-installed"));
    expect(made.run("start.mjs").stdout).toBe("Another.\n");
  });

  test("that is old in a folder that cannot be written is said in words", () => {
    const made = clone();
    writeFileSync(join(made.folder, "dist"), "not a folder");
    const refused = made.run("start.mjs");
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /dist\/server\.mjs is older than its sources and cannot be written \(E\w+\).*npm run build/,
    );
    expect(refused.stderr).not.toMatch(/^\s+at /m);
  });

  test("is replaced as a whole, also by two builders at once: who reads the old one reads it to its end", async () => {
    const made = clone();
    made.run("start.mjs");
    const bundle = join(made.folder, "dist/server.mjs");
    const old = readFileSync(bundle, "utf8");
    const reader = openSync(bundle, "r");
    writeFileSync(join(made.folder, "adapters/node/main.ts"), "console.log('Another.');");
    const builders = [1, 2].map(() => spawn(process.execPath, ["scripts/build.mjs"], { cwd: made.folder }));
    const ended = await Promise.all(builders.map((builder) => once(builder, "exit")));
    expect(ended.map(([code]) => code)).toEqual([0, 0]);
    expect(readFileSync(reader, "utf8")).toBe(old);
    closeSync(reader);
    expect(readFileSync(bundle, "utf8")).toContain("Another.");
    expect(readdirSync(join(made.folder, "dist"))).toEqual([
      "file-thread.mjs",
      "file-thread.mjs.map",
      "server.mjs",
      "server.mjs.map",
    ]);
  });

  test("logs stacks that name the lines of the sources", () => {
    const made = clone(
      [
        'import { errorFacts } from "../../src/log/error-facts.ts";',
        'import { refuse } from "../../src/part.ts";',
        'import { createLogger } from "./logger.ts";',
        'createLogger("error").error("unforeseen", errorFacts(refuse()));\n',
      ].join("\n"),
    );
    for (const file of ["logger.ts", "output.ts", "source-lines.ts"])
      cpSync(join(ROOT, "adapters/node", file), join(made.folder, "adapters/node", file));
    cpSync(join(ROOT, "src/log/error-facts.ts"), join(made.folder, "src/log/error-facts.ts"));
    writeFileSync(
      join(made.folder, "src/part.ts"),
      "/** Above it. */\ntype Words = string;\n\nexport function refuse(): Error {\n  const words: Words = 'No.';\n  return new Error(words);\n}\n",
    );
    const { stderr } = made.run("start.mjs");
    const line = stderr.split("\n").find((each) => each.includes('"unforeseen"'));
    const { stack } = JSON.parse(line ?? "{}");
    expect(stack).toMatch(/^at refuse \(src\/part\.ts:6:\d+\) \| at adapters\/node\/main\.ts:4:\d+/);
  });
});
