/** One suite, three doors: every case runs unchanged in Node, in workerd (both ways) and in the function that Vercel would run. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../harness/process.ts";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { type Case, DOOR_NAMES, type DoorName, whyNot } from "./case.ts";
import { cases as admin } from "./cases/admin.ts";
import { cases as auth } from "./cases/auth.ts";
import { cases as bodies } from "./cases/bodies.ts";
import { cases as canaries } from "./cases/canaries.ts";
import { cases as errors } from "./cases/errors.ts";
import { cases as facts } from "./cases/facts.ts";
import { cases as health } from "./cases/health.ts";
import { cases as models } from "./cases/models.ts";
import { cases as passing } from "./cases/passing.ts";
import { cases as registry } from "./cases/registry.ts";
import { cases as renewal } from "./cases/renewal.ts";
import { cases as signIn } from "./cases/sign-in.ts";
import { cases as streams } from "./cases/streams.ts";
import { cases as translation } from "./cases/translation.ts";
import { openStage, type Stage } from "./stage.ts";
import { Table } from "./table.ts";
import { blamed, openWorld, type World } from "./world.ts";

const CASES: readonly Case[] = [
  ...health,
  ...auth,
  ...models,
  ...registry,
  ...passing,
  ...facts,
  ...bodies,
  ...errors,
  ...admin,
  ...renewal,
  ...signIn,
  ...streams,
  ...translation,
  // Last: they look at all that the others have left behind.
  ...canaries,
];

const table = new Table();
const worlds = new Map<DoorName, World>();
const stages: Stage[] = [];

beforeAll(async () => {
  for (const door of DOOR_NAMES) {
    if (door !== "node" && sqldMissing !== null) continue;
    const stage = await openStage(door);
    stages.push(stage);
    worlds.set(door, await openWorld(door, stage));
  }
  await Promise.all(
    [...worlds.values()].flatMap((world) =>
      CASES.filter((each) => each.begin !== undefined && whyNot(each, world.door) === undefined).map((each) =>
        each.begin?.(world),
      ),
    ),
  );
});

afterAll(async () => {
  await Promise.all([...worlds.values()].map((world) => world.close()));
  await Promise.all(stages.map((stage) => stage.close()));
  const text = table.render(CASES);
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  writeFileSync(join(ROOT, "dist", "conformance.txt"), text);
  process.stdout.write(`\n${text}\n`);
});

describe.each(DOOR_NAMES)("the %s door", (door) => {
  for (const each of CASES) {
    const cannot = whyNot(each, door);
    const missing = door === "node" ? null : sqldMissing;
    const reason = cannot ?? missing;
    if (reason !== null) table.set(door, each, { skipped: reason });
    // What a door cannot do is no test of it; what only this machine lacks is one that was skipped.
    if (cannot !== undefined) continue;
    test.skipIf(missing !== null)(`${each.area}: ${each.name}`, async () => {
      table.set(door, each, "FAIL");
      const world = worlds.get(door)!;
      await each.run(world);
      expect(blamed(world.fakes)).toEqual([]);
      table.set(door, each, "ok");
    });
  }
});
