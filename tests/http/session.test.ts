/** Sessions that are logged out by several processes at once. */
import { expect, test } from "vitest";
import { createSessions } from "../../src/auth/session.ts";
import { testRuntime } from "../support/runtime.ts";

test("no log-out undoes another, however many processes there are", async () => {
  const { runtime } = await testRuntime();
  const doors = Array.from({ length: 5 }, () => createSessions(runtime));
  const requests: Request[] = [];
  for (const door of doors) {
    const cookie = (await door.open(false)).split(";")[0] ?? "";
    requests.push(new Request("http://127.0.0.1/admin", { headers: { cookie } }));
  }
  const stays = (await doors[0]?.open(false))?.split(";")[0] ?? "";
  await Promise.all(requests.map((request, at) => doors[at]?.close(request)));
  for (const request of requests) {
    expect(await doors[0]?.isLive(request)).toBe(false);
  }
  expect(await doors[0]?.isLive(new Request("http://127.0.0.1/admin", { headers: { cookie: stays } }))).toBe(
    true,
  );
});
