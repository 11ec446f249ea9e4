/** A packed body has a deadline: unpacking keeps memory that its few bytes do not show. */
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { createMemoryBudget } from "../../src/proxy/memory-budget.ts";
import { receiveBody } from "../../src/proxy/request/read-body.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const PACKED = gzipSync('{"model":"m"}');

function requestOf(body: ReadableStream<Uint8Array>, encoding: string): Request {
  return new Request("http://kleis.test/v1/messages", {
    method: "POST",
    headers: { "content-encoding": encoding },
    body,
    duplex: "half",
  } as RequestInit);
}

const memory = () => createMemoryBudget({ perKey: 1e9, inAll: 1e9 }).open("key");

test.each(["gzip", "x-gzip", "deflate"])(
  "a %s body that has not come within 60 s is a 408",
  async (encoding) => {
    const clock = new VirtualClock();
    let isCancelled = false;
    // It begins, and then nothing more comes.
    const begun = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await clock.sleep(1_000);
        controller.enqueue(new Uint8Array(encoding === "deflate" ? [0x78] : [0x1f]));
        await new Promise(() => {});
      },
      cancel: () => {
        isCancelled = true;
      },
    });
    let settled = false;
    const outcome = receiveBody(requestOf(begun, encoding), { clock }, memory()).catch(
      (error: unknown) => error,
    );
    void outcome.then(() => {
      settled = true;
    });
    await clock.advance(59_000);
    expect(settled).toBe(false);
    await clock.advance(2_000);
    expect(await outcome).toMatchObject({
      code: "request_timeout",
      status: 408,
      message: expect.stringContaining("60 seconds"),
      headers: { "x-should-retry": "true" },
    });
    expect(isCancelled).toBe(true);
  },
);

test("a compressed body that arrives in time is read", async () => {
  const clock = new VirtualClock();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new Uint8Array(PACKED.subarray(0, 9)));
      await clock.sleep(59_000);
      controller.enqueue(new Uint8Array(PACKED.subarray(9)));
      controller.close();
    },
  });
  const received = receiveBody(requestOf(body, "gzip"), { clock }, memory());
  await clock.advance(59_500);
  expect(new TextDecoder().decode((await received).bytes)).toBe('{"model":"m"}');
});
