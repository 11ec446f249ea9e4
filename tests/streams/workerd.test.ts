/**
 * The same sample of the chaos through the Worker, in workerd: judged as at the Node door where Kleis relays the events,
 * and where workerd passes the bytes on by itself as far as bytes that are on their way can be judged.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sqldMissing } from "../../harness/sqld-binary.ts";
import { openStage, type Stage } from "../conformance/stage.ts";
import { openWorld, type World } from "../conformance/world.ts";
import { type Sample, smallCorpus } from "./support/corpus.ts";
import { check, type Expected, expectedAt, type Judged, judge } from "./support/oracle.ts";
import { seeded } from "./support/seed.ts";
import { type Cut, cutsOf, type Doorway, type Got, through } from "./support/through.ts";
import { type WayName, wayOf } from "./support/ways.ts";

const CUTS = 2;
const random = seeded("workerd");

/** What workerd passes on by itself where it is told to: nothing is changed in it, and the provider breaks silence. */
const NATIVE: ReadonlySet<WayName> = new Set(["claude key"]);

describe.skipIf(sqldMissing !== null).each(["workers", "native"] as const)("the %s door", (name) => {
  let stage: Stage;
  let world: World;
  let doorway: Doorway;
  beforeAll(async () => {
    stage = await openStage(name);
    world = await openWorld(name, stage);
    doorway = { url: world.url, fakes: world.fakes, keyFor: (account) => world.accounts[account].key };
  });
  afterAll(async () => {
    await world?.close();
    await stage?.close();
  });

  test.each(samplesOf(name).map((sample) => [sample.name, sample] as const))(
    `cut at ${CUTS} places and whole (seed ${random.seed}): %s`,
    async (_name, sample) => {
      const judged = judge(await wayOf(sample.way), sample.bytes);
      const isNative = name === "native" && NATIVE.has(sample.way);
      for (const cut of cutsOf(sample, isNative ? 40 : CUTS, random)) {
        try {
          const got = await through(doorway, sample, cut, random);
          // An event that has been passed on whole but for its empty line is not taken back by a reset.
          const expected = expectedAt(judged, cut.behind, isNative ? "end" : cut.how);
          if (got.status !== 200) throw new Error(`status ${got.status}: ${got.bytes}`);
          if (isNative) checkNative(judged, cut, expected, got);
          else if (!got.complete) throw new Error(`broken off: ${got.bytes}`);
          else check(judged.way, expected, got.bytes);
        } catch (error) {
          expect.fail(`${sample.name}, cut by a ${cut.how} behind byte ${cut.behind}: ${error}`);
        }
      }
    },
  );
});

/** With native streams only what they change is worth another look. */
function samplesOf(name: "workers" | "native"): Sample[] {
  return smallCorpus().filter(({ way }) => name === "workers" || NATIVE.has(way));
}

/**
 * What has been passed on cannot be called back. So a stream that breaks inside an event is broken off, and what comes
 * behind its end is not held back; in every other case it is as it must be anywhere.
 */
function checkNative({ way, ends, bytes }: Judged, { behind }: Cut, expected: Expected, got: Got): void {
  const sent = Buffer.from(bytes.subarray(0, behind));
  if (!got.complete) {
    if (ends.includes(behind)) throw new Error("broken off between two events");
    if (expected.over) throw new Error("broken off behind the end");
    if (!got.bytes.equals(sent)) throw new Error(`broken off, and not as it was sent: ${got.bytes}`);
    return;
  }
  if (expected.over || expected.end === "there") {
    const closed = Buffer.concat([sent, Buffer.from("\n\n")]);
    if (
      got.bytes.length < expected.delivered.length ||
      !closed.subarray(0, got.bytes.length).equals(got.bytes)
    )
      throw new Error(`not as it was sent: ${got.bytes}`);
  } else check(way, expected, got.bytes);
}
