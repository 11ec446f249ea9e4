/** A database that does not take a write until somebody puts it right: a refresh says so at once, and sends no token. */
import { expect, test } from "vitest";
import { StorageError } from "../../src/storage/port.ts";
import { createRefreshContext, MINUTE, soFar } from "./context.ts";

const FULL = new StorageError("cannot take the lease of a refresh: the disk is full", { lasts: true });

test.each(["acquire", "intend"])("a full disk at %s refuses the request at once", async (method) => {
  const { createIsolate, posted } = await createRefreshContext(-MINUTE);
  const isolate = createIsolate({ broken: new Set([method]), failure: FULL });
  const outcome = isolate.token().catch((error: unknown) => error);
  for (let turn = 0; turn < 5; turn++) await soFar(outcome);
  const refusal = await soFar(outcome);
  expect(refusal).toMatchObject({ code: "storage_unavailable", status: 503, cause: FULL });
  expect(String(refusal)).toContain("does not pass by itself");
  expect(posted).toEqual([]);
});

test("a disk that is full once the new token is there loses nothing: it serves, and is stored when there is room", async () => {
  const { createIsolate, clock, store, posted } = await createRefreshContext(-MINUTE);
  const broken = new Set(["commit"]);
  const isolate = createIsolate({ broken, failure: FULL });
  expect(await isolate.token()).toBe("access-2");
  await clock.advance(10 * MINUTE);
  expect(await isolate.token()).toBe("access-2");
  broken.clear();
  await clock.advance(MINUTE);
  await Promise.all(isolate.background);
  expect([...store.rows.values()][0]?.secrets.refreshToken).toBe("refresh-2");
  expect(posted).toEqual(["refresh-1"]);
});
