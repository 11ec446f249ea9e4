/** A provider's stream that ends early, at every byte and in both ways, as its client sees it. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { largeCorpus, type Sample, smallCorpus } from "./support/corpus.ts";
import { check, expectedAt, type Judged, judge } from "./support/oracle.ts";
import { seeded } from "./support/seed.ts";
import { isErrorOf, parse, wanted } from "./support/vendors.ts";
import { bodyOf, drain, eventStream, wayOf } from "./support/ways.ts";
import { concat, theOneEnd } from "./support/wire.ts";

const SMALL = smallCorpus().map((sample) => [sample.name, sample] as const);
const LARGE = largeCorpus().map((sample) => [sample.name, sample] as const);
const { seed, int } = seeded("cuts");

/** At each of that many places the answer takes the whole answering path, at the others the relay alone. */
const WHOLE_PATH = 12;

/** What a client gets when the provider's stream stops behind `cut` bytes. */
async function cutAt({ way, bytes }: Judged, cut: number, how: "end" | "reset"): Promise<Uint8Array> {
  const pieces = cut === 0 ? [] : [bytes.subarray(0, cut)];
  if (cut % WHOLE_PATH !== 0) return concat(await drain(way.relay(bodyOf(pieces, how), new VirtualClock())));
  const run = await way.run(async () => eventStream(bodyOf(pieces, how)), new VirtualClock());
  return concat(await drain(run.body));
}

/** Up to this many bytes a stream is cut in both ways at every byte; longer ones between events in one of them. */
const BOTH_WAYS = 1_500;

/** Cuts at each place. The vendor's parser reads every answer that is not, byte for byte, one it has read. */
async function judgeCuts(sample: Sample, cuts: Iterable<number>): Promise<void> {
  const judged = judge(await wayOf(sample.way), sample.bytes);
  const { way } = judged;
  let parsed = Buffer.alloc(0);
  const odd = int(2);
  const isNearEnd = (cut: number) => judged.ends.some((end) => Math.abs(end - cut) <= 3);
  for (const [which, how] of (["end", "reset"] as const).entries()) {
    for (const cut of cuts) {
      if (sample.bytes.length > BOTH_WAYS && (cut + odd) % 2 === which && !isNearEnd(cut)) continue;
      try {
        const got = await cutAt(judged, cut, how);
        check(way, expectedAt(judged, cut, how), got);
        if (parsed.equals(got)) continue;
        theOneEnd(way.protocol, got);
        await parsesRight(judged, got);
        parsed = Buffer.from(got);
      } catch (error) {
        expect.fail(`${sample.name}, cut by a ${how} behind byte ${cut}: ${error}`);
      }
    }
  }
}

async function parsesRight({ way: { protocol } }: Judged, got: Uint8Array): Promise<void> {
  const want = wanted(protocol, got);
  const { events, error } = await parse(protocol, got);
  if (!isDeepStrictEqual(events, want.events)) throw new Error("the SDK reads other events");
  if (want.error === null ? error !== null : !isErrorOf(protocol, error, want.error))
    throw new Error(`the SDK throws ${error} for ${JSON.stringify(want.error)}`);
}

describe("a stream that is cut reaches the client up to its last whole event, and then exactly one end", () => {
  test.each(SMALL)("%s, at every byte", async (_name, sample) => {
    await judgeCuts(
      sample,
      Array.from({ length: sample.bytes.length + 1 }, (_, at) => at),
    );
  });

  test.each(LARGE)(`%s, at 30 places (seed ${seed})`, async (_name, sample) => {
    const { length } = sample.bytes;
    const near = [0, 1, 400, length - 400, length - 30, length - 2, length - 1, length];
    await judgeCuts(sample, [...near, ...Array.from({ length: 22 }, () => int(length))]);
  });
});
