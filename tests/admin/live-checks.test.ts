/** The page of live checks: says what it costs, spends it only when that is ticked, and shows what was found. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { openBrowser, PHONE, visit } from "./browser.ts";

let browser: Browser;
let door: Door;

beforeAll(async () => {
  [browser, door] = await Promise.all([openBrowser(), openDoor()]);
  await connectAll(door);
  await door.admin("POST", "/admin/models/refresh");
});
afterAll(async () => {
  await browser?.close();
  await door?.close();
});
beforeEach(() => {
  door.fakes.copilot.device.clientId = "Ov23another";
});

const received = () => door.fakes.copilot.requests.length;

test.each([
  ["with scripts", true],
  ["without scripts", false],
])("%s an owner sees the price, agrees, and reads what differs", async (_, scripts) => {
  const owner = await visit(browser, door.url, { scripts, viewport: PHONE });
  const { page } = owner;
  await owner.enter(door.adminToken);
  await page.getByRole("link", { name: "Check the providers" }).click();
  const section = page.getByRole("region", { name: "GitHub Copilot (plan)" });
  const words = (await section.getByText(/Spend \d+ requests/).textContent()) ?? "";
  const announced = Number(/\d+/.exec(words)?.[0]);
  const before = received();

  // The box has to be ticked first: the browser keeps the form.
  await section.getByRole("button", { name: "Run the checks" }).click();
  expect(received()).toBe(before);

  await section.getByRole("checkbox").check();
  await section.getByRole("button", { name: "Run the checks" }).click();
  const found = page.getByRole("region", { name: "What GitHub Copilot (plan) answered" });
  await found.waitFor();
  expect(received() - before).toBe(announced);
  expect(await found.getByRole("status").textContent()).toContain(`Spent ${announced} requests`);
  const row = found.getByRole("row", { name: /Client id of the sign-in differs/ });
  expect(await row.textContent()).toContain("Set COPILOT_CLIENT_ID");
  if (scripts) await owner.accessible();
  await owner.clean();
  await owner.close();
});

/** A form of our own page that was changed on the way. */
async function post(cookie: string, form: Record<string, string>): Promise<Response> {
  return fetch(`${door.url}/admin/page/live-checks`, {
    method: "POST",
    headers: { cookie, origin: door.url },
    body: new URLSearchParams(form),
  });
}

test("nothing is sent without agreement, for another price, or for an account that is not there", async () => {
  const login = await fetch(`${door.url}/admin/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: door.url },
    body: JSON.stringify({ token: door.adminToken }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { checks } = await door.admin<{ checks: { account: { id: string; provider: string } }[] }>(
    "GET",
    "/admin/live-checks",
  );
  const account = checks.find((each) => each.account.provider === "copilot")?.account.id ?? "";
  const before = received();
  for (const [form, words] of [
    [{ account, requests: "10" }, "tick that the requests"],
    [{ account, requests: "1", agreed: "yes" }, "requests by now"],
    [{ account: "acc_none", requests: "10", agreed: "yes" }, "cannot be checked"],
  ] as const) {
    const answer = await post(cookie, form);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain(words);
  }
  expect(received()).toBe(before);
});
