/** A provider's stream in other pieces, with silences and repetitions, at every byte, as its client sees it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { largeCorpus, type Sample, smallCorpus } from "./support/corpus.ts";
import { check, type Expected, expectedAt, type Judged, judge } from "./support/oracle.ts";
import { seeded } from "./support/seed.ts";
import { bodyOf, drain, wayOf } from "./support/ways.ts";
import { concat, textOf, theOneEnd, utf8 } from "./support/wire.ts";

const SMALL = smallCorpus().map((sample) => [sample.name, sample] as const);
const LARGE = largeCorpus().map((sample) => [sample.name, sample] as const);
const { int } = seeded("chunks");

/** Streams longer than this are silenced or begun anew at every `STEP`th byte, with a phase of its own each time. */
const EVERY = 300;
const STEP = 11;

const judgedOf = async (sample: Sample) => judge(await wayOf(sample.way), sample.bytes);

async function relayed({ way }: Judged, pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  return concat(await drain(way.relay(bodyOf(pieces), new VirtualClock())));
}

/** Runs a check at every place (or the chosen ones) of a stream; a failure names the place. */
async function everywhere(
  { name, bytes }: Sample,
  what: string,
  each: (at: number) => Promise<void>,
  places: Iterable<number> = placesIn(bytes.length),
): Promise<void> {
  for (const at of places) {
    try {
      await each(at);
    } catch (error) {
      expect.fail(`${name}, ${what} at byte ${at}: ${error}`);
    }
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

function* placesIn(length: number, wide = STEP): Generator<number> {
  const step = length <= EVERY ? 1 : wide;
  for (let at = int(step); at <= length; at += step) yield at;
}

describe("however a stream is cut into pieces, its client gets the same bytes", () => {
  test.each(SMALL)("%s, in two pieces and byte by byte", async (_name, sample) => {
    const judged = await judgedOf(sample);
    const whole = expectedAt(judged, sample.bytes.length, "end");
    await everywhere(
      sample,
      "in two pieces",
      async (at) => {
        const pieces = [sample.bytes.subarray(0, at), sample.bytes.subarray(at)].filter(
          (piece) => piece.length > 0,
        );
        check(judged.way, whole, await relayed(judged, pieces));
      },
      range(sample.bytes.length),
    );
    const single = Array.from(sample.bytes, (byte) => Uint8Array.of(byte));
    check(judged.way, whole, await relayed(judged, single));
  });

  test("any of them, in any pieces", async () => {
    const judged = await Promise.all(SMALL.map(([, sample]) => judgedOf(sample)));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...judged),
        fc.array(fc.oneof(fc.nat(5), fc.nat(400)), { maxLength: 60 }),
        async (one, sizes) => {
          const pieces: Uint8Array[] = [];
          let from = 0;
          for (const size of sizes) {
            pieces.push(one.bytes.subarray(from, from + size));
            from = Math.min(from + size, one.bytes.length);
          }
          pieces.push(one.bytes.subarray(from));
          check(one.way, expectedAt(one, one.bytes.length, "end"), await relayed(one, pieces));
        },
      ),
      { numRuns: 400 },
    );
  });

  test.each(LARGE)("%s, in pieces of several sizes", async (_name, sample) => {
    const judged = await judgedOf(sample);
    const whole = expectedAt(judged, sample.bytes.length, "end");
    for (const size of [997, 16_384, 65_536 + int(1_000), sample.bytes.length]) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < sample.bytes.length; at += size)
        pieces.push(sample.bytes.subarray(at, at + size));
      check(judged.way, whole, await relayed(judged, pieces));
    }
  });
});

describe("a silence in a stream is filled between events and nowhere else", () => {
  const COMMENT = ": kleis\n\n";

  /** The same answer when the provider falls silent for 16 s behind `at` bytes. */
  async function silentAt({ way, bytes }: Judged, at: number): Promise<string> {
    const clock = new VirtualClock();
    const first = bodyOf(at === 0 ? [] : [bytes.subarray(0, at)]).getReader();
    let rested = false;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        async pull(controller) {
          const { value } = await first.read();
          if (value !== undefined) return controller.enqueue(value);
          if (rested) return controller.close();
          await clock.sleep(16_000);
          rested = true;
          if (at === bytes.length) controller.close();
          else controller.enqueue(new Uint8Array(bytes.subarray(at)));
        },
      },
      { highWaterMark: 0 },
    );
    const read = drain(way.relay(body, clock));
    await clock.advance(16_000);
    return textOf(concat(await read));
  }

  test.each(SMALL)("%s", async (_name, sample) => {
    const judged = await judgedOf(sample);
    const { way } = judged;
    const whole = expectedAt(judged, sample.bytes.length, "end");
    await everywhere(sample, "silent", async (at) => {
      const got = await silentAt(judged, at);
      const before: Expected = expectedAt(judged, at, "reset");
      // After an announced error nothing is waited for.
      if (!before.over && (before.end === "there" || before.end === "failed"))
        return check(way, before, utf8(got));
      if (before.over) return check(way, whole, utf8(got));
      const place = before.delivered.toString().length;
      if (got.slice(place, place + COMMENT.length) !== COMMENT)
        throw new Error(`no comment behind ${JSON.stringify(got.slice(place - 80, place + 20))}`);
      check(way, whole, utf8(got.slice(0, place) + got.slice(place + COMMENT.length)));
    });
  });
});

describe("a stream that repeats itself ends once", () => {
  test.each(SMALL)("%s, beginning anew at any byte, and each event twice", async (_name, sample) => {
    const { way } = await judgedOf(sample);
    const repeated = async (bytes: Uint8Array) => {
      const judged = judge(way, bytes);
      const got = await relayed(judged, [bytes]);
      check(way, expectedAt(judged, bytes.length, "end"), got);
      theOneEnd(way.protocol, got);
    };
    await everywhere(
      sample,
      "anew",
      (at) => repeated(concat([sample.bytes.subarray(0, at), sample.bytes])),
      placesIn(sample.bytes.length, 11),
    );
    await repeated(concat(sample.events.flatMap((event) => [event, event])));
  });
});
