/** A data folder that is new while the one that was meant lies beside it under nearly the same name. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { nearbyData } from "../../adapters/node/find-data.ts";
import { testKeyOf } from "../../harness/secrets.ts";
import { type Bundle, bundle, endAll, run } from "./process.ts";

let parent: string;
let server: Bundle | undefined;
const before = process.cwd();
beforeEach(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), "kleis-nearby-")));
});
afterEach(() => {
  process.chdir(before);
  rmSync(parent, { recursive: true, force: true });
});
afterAll(async () => {
  await endAll();
  server?.remove();
});

function house(name: string, file = "kleis.db"): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), "");
  return folder;
}

test.each(["data ", " data", '"data"', "'data'", "Data", "DATA", ".data", "data.", '"data" '])(
  "finds %j beside data",
  (name) => {
    house("other");
    const old = house(name);
    expect(nearbyData(join(parent, "data"), join(parent, "data"))).toEqual([old]);
  },
);

test("knows it by its secrets as by its database, and finds nothing in a folder without either", () => {
  const old = house("Data", "secrets.env");
  house("DATA", "notes.txt");
  expect(nearbyData(join(parent, "data"), undefined)).toEqual([old]);
});

test.each(["kleis-data ", '"kleis-data"', "~/kleis-data"])(
  "finds what was made of %j to the letter",
  (given) => {
    process.chdir(parent);
    const old = house(given);
    const folder = given.startsWith("~") ? join(homedir(), "kleis-data") : join(parent, "kleis-data");
    expect(nearbyData(folder, given)).toContain(old);
  },
);

test("finds the same relative path in a folder above the working folder", () => {
  const old = house(".kleis");
  mkdirSync(join(parent, "deep/er"), { recursive: true });
  process.chdir(join(parent, "deep/er"));
  expect(nearbyData(join(parent, "deep/er/.kleis"), undefined)).toContain(old);
  // A whole path is the same from everywhere.
  expect(nearbyData(join(parent, "deep/er/.kleis"), join(parent, "deep/er/.kleis"))).toEqual([]);
});

test("a start on the new one says so; on the old one, and on the new one again, it does not", async () => {
  server ??= bundle();
  const env = { ADMIN_TOKEN: "nearby-tests-6b1f0c9e2d7a4583", ENCRYPTION_KEY: testKeyOf("five") };
  const startOn = async (KLEIS_DATA_DIR: string) => {
    const running = run(server?.path ?? "", { ...env, KLEIS_DATA_DIR });
    await running.url;
    running.signal("SIGTERM");
    await running.exit;
    return running.output();
  };
  expect(await startOn(join(parent, "Data"))).not.toContain("warning");
  const said = await startOn(` ${join(parent, "data")} `);
  expect(said).toContain(
    `${join(parent, "data")} is new and empty, and there is a Kleis in "${join(parent, "Data")}"`,
  );
  expect(await startOn(join(parent, "data"))).not.toContain("warning");
  rmSync(join(parent, "data"), { recursive: true });
  house("data", "secrets.env");
  expect(await startOn(join(parent, "data"))).toContain("holds secrets but no database");
});
