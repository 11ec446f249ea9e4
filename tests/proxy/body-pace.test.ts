/** A request's body must come at a certain pace, or is a 408. */
import { expect, test } from "vitest";
import { receiveBody } from "../../src/proxy/request/read-body.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SECOND = 1_000;

/** A body of `total` bytes of which `each` come every second after `first` at once; null: it never ends. */
async function received(first: number, each: number, total: number | null) {
  const clock = new VirtualClock();
  let feed!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      feed = controller;
    },
  });
  const request = new Request("http://kleis.test/", { method: "POST", body, duplex: "half" } as RequestInit);
  let seconds = 0;
  let end: string | null = null;
  const reading = receiveBody(request, { clock }, { reserve: () => {}, release: () => {} } as never).then(
    ({ bytes }) => `${bytes.length} bytes`,
    (error: { status?: number; code?: string }) => `${error.status} ${error.code}`,
  );
  void reading.then((what) => {
    end = what;
  });
  let sent = 0;
  const send = (length: number) => {
    const part = Math.min(length, (total ?? Number.POSITIVE_INFINITY) - sent);
    if (part > 0 && end === null) feed.enqueue(new Uint8Array(part).fill(0x20));
    sent += part;
    if (sent === total && part > 0) feed.close();
  };
  send(first);
  for (; end === null && seconds < 200; seconds++) {
    await clock.advance(SECOND);
    send(each);
    await clock.advance(0);
  }
  return { end, seconds };
}

test.each([
  ["nothing at all", 0, 0, null, 20],
  ["a few bytes a second", 10, 100, null, 20],
  ["almost enough", 0, 900, null, 20],
  ["a good beginning, and then nothing", 100_000, 0, null, 40],
  ["a good beginning, and then a trickle", 100_000, 500, 200_000, 40],
] as const)("%s: 408", async (_what, first, each, total, seconds) => {
  expect(await received(first, each, total)).toEqual({ end: "408 request_timeout", seconds });
});

test.each([
  ["all of it at once", 100_000, 0, 100_000],
  ["slowly, but for long", 0, 2_000, 300_000],
  ["a short one that ends in time", 0, 100, 1_500],
] as const)("%s: read", async (_what, first, each, total) => {
  expect((await received(first, each, total)).end).toBe(`${total} bytes`);
});
