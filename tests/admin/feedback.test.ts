/** What the page says of what is being done and of what was done, and that it is seen and heard where the owner is. */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { openBrowser, PHONE, type Visit, visit } from "./browser.ts";

let browser: Browser;
let door: Door;
let owner: Visit;
let page: Page;
let claude = "";
/** Stands by. */
let second = "";

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  door = await openDoor();
  ({ claude } = await connectAll(door));
  second = await door.account({
    provider: "claude",
    kind: "api_key",
    api_key: door.fakes.claude.issueApiKey(),
    label: "Console",
  });
  owner = await visit(browser, door.url, { viewport: PHONE });
  page = owner.page;
  await owner.enter(door.adminToken);
});

afterEach(async () => {
  await owner.clean();
  await owner.close();
  await door.close();
});

const dialog = () => page.getByRole("dialog");
const toast = () => page.locator(".toast");

/** From here on the page's timers run only when they are let: what is shown for some seconds stays. */
async function stopClock(): Promise<void> {
  await page.clock.install();
  await page.clock.pauseAt(new Date(Date.now() + 60_000));
}

/** Waits for the notice of what was done, and until it is shown as a message too. */
async function shown(words: string): Promise<void> {
  await page.locator("[data-notice]").getByText(words).waitFor();
  await page.clock.runFor(100);
  await toast().getByText(words).waitFor();
}

/** True when nothing covers the middle of it. */
const isOnTop = (what: Locator) =>
  what.evaluate((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
  });

/** Whether a screen reader finds the words: what is outside of a dialog it does not. */
async function isHeard(words: string): Promise<boolean> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  return nodes.some(
    ({ ignored, role, name }) => !ignored && role?.value === "StaticText" && name?.value === words,
  );
}

test("a message is seen and heard while a dialog is open, and when one closes or opens meanwhile", async () => {
  const words = "No connection to Kleis. Nothing was changed; try again.";
  await page.route("**/start", (route) => route.abort());
  owner.forgive(/ERR_FAILED/);
  await stopClock();
  await openClaude();
  await dialog().getByRole("button", { name: "Continue" }).click();
  await page.locator("dialog form:not([aria-busy])").waitFor();
  await page.clock.runFor(100);
  await toast().getByText(words).waitFor();
  expect(await isOnTop(toast())).toBe(true);
  expect(await isHeard(words)).toBe(true);

  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "hidden" });
  await expect.poll(() => isHeard(words)).toBe(true);

  await page.locator("#connect-claude").click();
  await dialog().waitFor();
  await expect.poll(() => isHeard(words)).toBe(true);
});

test("a message stays while the dialog goes on to its next step", async () => {
  await page.locator("#connect-copilot").click();
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().getByRole("button", { name: "Copy the code" }).click();
  await dialog().getByRole("status").getByText("Copied").waitFor();
  door.fakes.copilot.denyDevice((await dialog().locator("#user-code").textContent()) ?? "");
  await dialog().getByRole("link", { name: "Start again" }).click();
  await dialog().getByRole("button", { name: "Continue" }).waitFor();
  expect(await isHeard("Copied")).toBe(true);
});

describe("a button that asks somebody else says so until the answer is there:", () => {
  test.each([
    ["Test", "Asking…", "**/use/test", "main", () => owner.go("/admin/page/use?agent=claude-code")],
    ["Refresh", "Refreshing…", "**/refresh", "main", async () => {}],
    ["Continue", "Starting…", "**/start", "dialog", openClaude],
    ["Finish", "Finishing…", "**/finish", "dialog", pasteSomething],
    ["Import", "Importing…", "**/page/import", "dialog", openImport],
    ["Look again", "Looking…", "**/refresh", "main", () => owner.go("/admin/page/models")],
  ] as const)("%s", async (name, busy, path, place, open) => {
    await door.key({ label: "laptop" });
    await open();
    const inside = page.getByRole(place);
    let letThrough = () => {};
    const held = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await page.route(path, async (route) => {
      await held;
      await route.abort();
    });
    owner.forgive(/ERR_FAILED/);
    const button = inside.getByRole("button", { name, exact: true }).first();
    const kept = await button.elementHandle();
    await button.click();
    const working = inside.getByRole("button", { name: busy, exact: true });
    await working.waitFor();
    const spinner = working.locator(".spinner");
    const turning = () => spinner.evaluate((element) => getComputedStyle(element).animationName);
    expect(await turning()).toBe("none");
    await page.emulateMedia({ reducedMotion: "no-preference" });
    expect(await turning()).toBe("turn");
    letThrough();
    await working.waitFor({ state: "detached" });
    expect(await kept?.textContent()).toBe(name);
  });
});

/** Waits for the dialog, so that the page's own request is not held. */
async function openImport(): Promise<void> {
  await page.locator("#import").click();
  await dialog().waitFor();
}

/** The dialog of Claude with a way chosen. */
async function openClaude(): Promise<void> {
  await page.locator("#connect-claude").click();
  await dialog().getByLabel("My Claude plan").check();
}

async function pasteSomething(): Promise<void> {
  await openClaude();
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().getByLabel("Paste the code").fill("x#y");
}

describe("far down a long page", () => {
  /** Where it is in the window. */
  const topOf = (selector: string) =>
    page.locator(selector).evaluate((element) => Math.round(element.getBoundingClientRect().top));
  const focus = () => page.evaluate(() => document.activeElement?.id);

  test.each([
    ["Disable", () => `#switch-${claude}`, () => `#switch-${claude}`, "Disabled: requests pass it over."],
    ["Make primary", () => `#primary-${second}`, () => `#name-${second}`, "Requests use this account"],
  ])("%s is confirmed in sight, and the card stays where it is", async (_name, button, place, words) => {
    await stopClock();
    // As a browser does that gives the focus to what is clicked, and as Safari does.
    for (const isFocused of [true, false]) {
      await page.reload();
      await page.locator(button()).evaluate((element) => element.scrollIntoView({ block: "center" }));
      const before = await topOf(place());
      if (isFocused) await page.locator(button()).focus();
      await page.locator(button()).evaluate((element: HTMLElement) => element.click());
      await shown(words);
      expect(await isOnTop(toast())).toBe(true);
      expect(Math.abs((await topOf(place())) - before)).toBeLessThan(2);
      expect(`#${await focus()}`).toBe(place());
      await door.admin("PATCH", `/admin/accounts/${claude}`, { enabled: true });
      await door.admin("POST", `/admin/accounts/${claude}/primary`);
    }
  });

  test("a renamed account keeps its place and the focus", async () => {
    await stopClock();
    const link = `#rename-${second}`;
    await page.locator(link).click();
    const before = await topOf(link);
    await dialog().getByRole("button", { name: "Rename" }).click();
    await shown("Renamed.");
    expect(Math.abs((await topOf(link)) - before)).toBeLessThan(2);
    expect(`#${await focus()}`).toBe(link);
  });

  test("a removed account leaves the focus with its provider", async () => {
    await stopClock();
    await page.locator(`#remove-${second}`).click();
    await dialog().getByRole("button", { name: "Remove" }).click();
    await shown("Removed.");
    expect(await focus()).toBe("provider-claude");
  });
});

test("a notice that is in sight is not shown twice", async () => {
  await page.setViewportSize({ width: 1200, height: 1600 });
  await page.locator(`#switch-${claude}`).click();
  await page.locator("[data-notice]").getByText("Disabled").waitFor();
  await page.getByRole("status").filter({ hasText: "Disabled" }).last().waitFor();
  await expect.poll(() => isHeard("Disabled: requests pass it over.")).toBe(true);
  expect(await toast().count()).toBe(0);
});
