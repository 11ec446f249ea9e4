/** The browser's own ways through the page: Back, Forward, reloading and places on a page lose nothing that was begun. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { openBrowser, PHONE, type Visit, visit } from "./browser.ts";

let browser: Browser;
let door: Door;
let owner: Visit;
let page: Page;
let account = "";

beforeAll(async () => {
  [browser, door] = await Promise.all([openBrowser(), openDoor()]);
  account = (await connectAll(door)).claude;
  await door.key({ label: "laptop" });
});
afterAll(async () => {
  await browser?.close();
  await door?.close();
});

beforeEach(async () => {
  owner = await visit(browser, door.url, { viewport: PHONE });
  page = owner.page;
  await owner.enter(door.adminToken);
});

afterEach(async () => {
  await owner.clean();
  await owner.close();
});

const dialog = () => page.getByRole("dialog");
const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const open = (id: string) => page.locator(id).click();
const closed = () => dialog().waitFor({ state: "hidden" });

/** From the page of keys, so that there is one to go back to. */
async function comeFromKeys(): Promise<void> {
  await owner.go("/admin/page/keys");
  await page.getByRole("link", { name: "Accounts" }).click();
  await heading("Accounts");
}

/** Nothing of the dialog is left: one step back is the page before. */
async function leadsBackToKeys(): Promise<void> {
  await expect.poll(() => page.evaluate(() => history.state)).toBe(null);
  await page.goBack();
  await heading("Keys");
}

/** As in a browser that takes its time: the page's next step back is not taken until it is told to go on. */
function holdNextStepBack(): Promise<void> {
  return page.evaluate(() => {
    const back = history.back.bind(history);
    history.back = () => {
      history.back = back;
    };
  });
}

async function beginSignIn(): Promise<void> {
  await open("#connect-copilot");
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().locator("#user-code").waitFor();
}

test("skipping to the content keeps a filled-in key and the result of a test", async () => {
  await page.getByRole("link", { name: "Use it" }).click();
  await page.getByRole("button", { name: "Fill in the key", exact: true }).click();
  await page.getByRole("button", { name: "Fill in the key", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Test" }).click();
  await page.locator("#test-result").waitFor();
  await skip();
  expect(await page.locator("#test-result").count()).toBe(1);
  expect(await page.getByRole("button", { name: "Fill in the key", exact: true }).count()).toBe(0);
});

test("skipping to the content keeps a sign-in that is a page of its own", async () => {
  await owner.go("/admin/page/connect/copilot");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("#user-code").waitFor();
  await skip();
  expect(await page.locator("#user-code").count()).toBe(1);
});

test("Back closes a dialog, and once more leaves the page", async () => {
  await comeFromKeys();
  await beginSignIn();
  await page.goBack();
  await closed();
  await heading("Accounts");
  await leadsBackToKeys();
});

test.each([
  ["with Escape", () => page.keyboard.press("Escape")],
  ["with its button", () => dialog().getByRole("link", { name: "Close" }).click()],
  ["with what it is there for", () => dialog().getByRole("button", { name: "Rename" }).click()],
])("a dialog closed %s leaves nothing to go back to", async (_name, close) => {
  await comeFromKeys();
  await open(`#rename-${account}`);
  await dialog().waitFor();
  await close();
  await closed();
  await leadsBackToKeys();
});

test("Forward to a dialog that was closed shows the page, and the dialog opens anew", async () => {
  await comeFromKeys();
  await open("#import");
  await dialog().waitFor();
  await page.goBack();
  await closed();
  // There and back again.
  await steps(2, () => history.forward());
  expect(await page.evaluate(() => history.state)).toBe(null);
  expect(await dialog().count()).toBe(0);
  await open("#import");
  await dialog().waitFor();
  await page.goBack();
  await closed();
  await leadsBackToKeys();
});

test("reloading with a dialog open shows the page without it", async () => {
  await comeFromKeys();
  await open("#import");
  await dialog().waitFor();
  await page.reload();
  await heading("Accounts");
  expect(await dialog().count()).toBe(0);
  await leadsBackToKeys();
});

test("Back from the page that a dialog led to shows the page that the dialog was on", async () => {
  await owner.go("/admin/page/keys");
  await page.getByRole("button", { name: "Reveal" }).click();
  await dialog().getByRole("button", { name: "Use it in an agent" }).click();
  await heading("Use it");
  await page.goBack();
  await heading("Keys");
  expect(await page.content()).not.toMatch(/kleis_[\w-]{43}/);
});

test("Back to a page finds the place again, also after a dialog", async () => {
  await page.locator(`#remove-${account}`).scrollIntoViewIfNeeded();
  await open(`#remove-${account}`);
  await dialog().getByRole("link", { name: "Keep it" }).click();
  await closed();
  const place = await page.evaluate(() => window.scrollY);
  expect(place).toBeGreaterThan(0);
  await page.evaluate(() => document.querySelector<HTMLElement>("nav a[href$=keys]")?.click());
  await heading("Keys");
  await page.goBack();
  await heading("Accounts");
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(place);
});

test("a link that is followed while the dialog's step is still being taken back leads where it says", async () => {
  await comeFromKeys();
  await open("#import");
  await dialog().waitFor();
  await holdNextStepBack();
  await page.keyboard.press("Escape");
  await closed();
  await page.evaluate(() => document.querySelector<HTMLElement>("nav a[href$=models]")?.click());
  expect(await page.evaluate(() => history.state)).toBe("panel");
  await page.evaluate(() => void history.back());
  await heading("Models");
  await page.goBack();
  await heading("Accounts");
  await leadsBackToKeys();
});

test("a dialog that is opened while the last one's step is still being taken back stays open", async () => {
  await comeFromKeys();
  await open("#import");
  await dialog().waitFor();
  await holdNextStepBack();
  await page.keyboard.press("Escape");
  await closed();
  await open("#connect-copilot");
  await dialog().waitFor();
  await steps(1, () => history.back());
  expect(await dialog().isVisible()).toBe(true);
  await page.goBack();
  await closed();
  await leadsBackToKeys();
});

/** Begins a step in the history and waits until the page has met so many. */
async function steps(count: number, begin: () => void): Promise<void> {
  await page.evaluate((wanted) => {
    let met = 0;
    const all = new Promise<void>((done) => {
      window.addEventListener("popstate", () => {
        if (++met === wanted) done();
      });
    });
    Object.assign(window, { all });
  }, count);
  await page.evaluate(begin);
  await page.evaluate("all");
}

/** Follows the first link of every page, and waits until the page would have asked for something. */
async function skip(): Promise<void> {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => new URL(page.url()).hash).toBe("#main");
  await page.evaluate(() => fetch("/healthz"));
  // Chromium asks for the icon again.
  expect(asked.filter((path) => path !== "/admin/icon.svg")).toEqual(["/healthz"]);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
}

test("a panel that is opened while the page below is still being renewed stays open", async () => {
  await owner.go("/admin/page/keys");
  await page.getByRole("link", { name: "Create a key" }).first().click();
  await dialog().getByLabel("Name").fill("renewed below");
  await dialog().getByRole("button", { name: "Create" }).click();
  await dialog().getByRole("heading", { name: "The key is ready" }).waitFor();
  let renew = () => {};
  const held = new Promise<void>((resolve) => {
    renew = resolve;
  });
  await page.route("**/admin/page/keys", async (route) => {
    await held;
    await route.continue();
  });
  const renewed = page.waitForResponse((response) => response.url().endsWith("/admin/page/keys"));
  await page.keyboard.press("Escape");
  await closed();
  await page.getByRole("link", { name: "Create a key" }).first().click();
  await dialog().getByLabel("Name").fill("typed meanwhile");
  renew();
  await (await renewed).finished();
  await page.unroute("**/admin/page/keys");
  // Time in which a page that closes the dialog would do so.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 200)));
  expect(await dialog().getByLabel("Name").inputValue({ timeout: 5_000 })).toBe("typed meanwhile");
  await page.keyboard.press("Escape");
  await page.getByRole("article").getByText("renewed below").waitFor();
});
