/** A sample of the chaos through the real Node door: real sockets, real cuts, the same judgement. */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectAll, connectKeys, type Door, openDoor } from "../support/door.ts";
import { smallCorpus } from "./support/corpus.ts";
import { check, expectedAt, judge } from "./support/oracle.ts";
import { seeded } from "./support/seed.ts";
import { type AccountName, cutsOf, type Doorway, through } from "./support/through.ts";
import { isErrorOf, parse, wanted } from "./support/vendors.ts";
import { wayOf } from "./support/ways.ts";
import { theOneEnd } from "./support/wire.ts";

let door: Door;
let doorway: Doorway;
beforeAll(async () => {
  door = await openDoor();
  const accounts: Record<AccountName, string> = { ...(await connectAll(door)), ...(await connectKeys(door)) };
  const keys = new Map<string, string>();
  for (const [name, id] of Object.entries(accounts)) keys.set(name, await door.key({ accounts: [id] }));
  doorway = { url: door.url, fakes: door.fakes, keyFor: (account) => keys.get(account) ?? "" };
});
afterAll(() => door.close());

const CUTS = 4;
const random = seeded("door");

describe(`cut at ${CUTS} places and whole, in pieces of any size (seed ${random.seed})`, () => {
  test.each(smallCorpus().map((sample) => [sample.name, sample] as const))("%s", async (_name, sample) => {
    const judged = judge(await wayOf(sample.way), sample.bytes);
    const { protocol } = judged.way;
    for (const cut of cutsOf(sample, CUTS, random)) {
      try {
        const { status, complete, bytes } = await through(doorway, sample, cut, random);
        if (status !== 200 || !complete) throw new Error(`status ${status}, complete: ${complete}: ${bytes}`);
        check(judged.way, expectedAt(judged, cut.behind, cut.how), bytes);
        theOneEnd(protocol, bytes);
        const want = wanted(protocol, bytes);
        const { events, error } = await parse(protocol, bytes);
        if (!isDeepStrictEqual(events, want.events)) throw new Error("the SDK reads other events");
        if (want.error === null ? error !== null : !isErrorOf(protocol, error, want.error))
          throw new Error(`the SDK throws ${error}`);
      } catch (error) {
        expect.fail(`${sample.name}, cut by a ${cut.how} behind byte ${cut.behind}: ${error}`);
      }
    }
  });
});
