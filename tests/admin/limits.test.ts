/** The page on an account that is limited: until when, by what, what becomes of its requests, and its button. */
import { expect, test } from "vitest";
import { StorageError } from "../../src/storage/port.ts";
import { startKleis } from "../support/kleis.ts";

const HOUR = 3_600_000;

async function start() {
  const kleis = await startKleis();
  await kleis.account("codex", { label: "First plan" });
  kleis.clock.ms++;
  await kleis.account("codex", { label: "Second plan" });
  const { ms: now } = kleis.clock;
  const row = { accountId: "acc_1", scope: "*", class: "window", code: "usage_limit_reached" } as const;
  const rest = { words: "You have hit your limit", strikes: 0, seenAt: now, clearedAt: 0, isStated: true };
  await kleis.storage.limits.merge([{ ...row, ...rest, until: now + 2 * HOUR }], now);
  const cookie = await kleis.login();
  return {
    kleis,
    page: async (path = "/admin") => (await kleis.browse(path, { cookie })).text(),
    send: (path: string, form: Record<string, string> = {}) =>
      kleis.browse(`/admin/page${path}`, { cookie, form }),
  };
}

test("a card says until when and by what, what becomes of requests, and ends it with a button", async () => {
  const { kleis, page, send } = await start();
  const limited = await page();
  expect(limited).toContain("Limited: a window of the plan is used up");
  expect(limited).toContain(new Date(kleis.clock.ms + 2 * HOUR).toISOString().slice(0, 16).replace("T", " "));
  expect(limited).toContain("You have hit your limit");
  expect(limited).toContain("Requests are refused meanwhile: no other account takes over.");

  const answer = await send("/accounts/acc_1/uncool");
  expect(answer.headers.get("location")).toBe("/admin?done=uncool");
  const free = await page("/admin?done=uncool");
  expect(free).toContain("Requests use this account again.");
  expect(free).not.toContain("Limited:");
  expect(free).not.toContain("uncool-acc_1");
});

test("another account takes over only after its warning was shown and the owner has chosen it", async () => {
  const { page, send } = await start();
  const panel = await page("/admin/page/policy/codex");
  expect(panel).toContain("forbid getting around rate limits");
  expect(await page("/admin/page/policy/claude")).toContain("forbids Claude plans in other tools altogether");
  expect(panel).toMatch(/value="off" checked/);
  expect((await send("/policy/codex", { failover: "everything" })).status).toBe(200);
  expect(await page()).toContain("no other account takes over");
  const saved = await send("/policy/codex", { failover: "own_accounts" });
  expect(saved.headers.get("location")).toBe("/admin?done=policy");
  expect(await page()).toContain("Requests move to Second plan meanwhile.");
  expect(await page("/admin/page/policy/codex")).toMatch(/value="own_accounts" checked/);
});

test("a choice that could not be saved is still there to be sent again", async () => {
  const { kleis, send } = await start();
  const { settings } = kleis.storage;
  settings.set = async () => {
    throw new StorageError("away");
  };
  const refused = await (await send("/policy/codex", { failover: "own_accounts" })).text();
  expect(refused).toContain('role="alert"');
  expect(refused).toMatch(/value="own_accounts" checked/);
});
