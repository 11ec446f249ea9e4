/** Every page and panel on a laptop and a phone, by day and by night: accessible, within its width, and without a jerk. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { DESKTOP, openBrowser, PHONE, type Visit, visit } from "./browser.ts";

let browser: Browser;
let door: Door;
let empty: Door;
let key = "";
let account = "";

beforeAll(async () => {
  [browser, door, empty] = await Promise.all([openBrowser(), openDoor(), openDoor()]);
  const { claude, codex } = await connectAll(door);
  account = claude;
  await door.admin("PATCH", `/admin/accounts/${codex}`, { enabled: false });
  door.fakes.claude.token.script({ reply: { status: 400, body: { error: "invalid_grant" } } });
  await fetch(`${door.url}/admin/accounts/${claude}/refresh`, {
    method: "POST",
    headers: { authorization: `Bearer ${door.adminToken}` },
  });
  await door.account({ provider: "claude", kind: "api_key", api_key: door.fakes.claude.issueApiKey() });
  await door.key({ label: "A rather long name for a key that is used on the big machine in the cellar" });
  const { id } = await door.admin<{ id: string }>("POST", "/admin/keys", {
    label: "narrow",
    providers: ["copilot"],
  });
  await door.admin("POST", `/admin/keys/${id}/revoke`);
  const made = await door.admin<{ id: string }>("POST", "/admin/keys", {
    label: "desk",
    providers: ["copilot"],
  });
  key = made.id;
  const models = [{ id: "fast", provider: "copilot", model: "gpt-5-mini" }];
  await door.admin("PUT", "/admin/models", { models });
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([door?.close(), empty?.close()]);
});

const LAPTOP = ["on a laptop", { viewport: DESKTOP, colorScheme: "light" }] as const;
const PHONE_BY_NIGHT = ["on a phone by night", { viewport: PHONE, colorScheme: "dark" }] as const;

describe.each([LAPTOP, ["on a phone", { viewport: PHONE, colorScheme: "light" }] as const])(
  "%s",
  (_name, options) => {
    test("every page of a house in use is accessible by day and by night, within its width and still", async () => {
      const owner = await visit(browser, door.url, options);
      await owner.enter(door.adminToken);
      for (const path of [
        "/admin",
        "/admin/page/keys",
        `/admin/page/use?key=${key}&agent=opencode`,
        `/admin/page/use?key=${key}&agent=claude-code`,
        `/admin/page/models?key=${key}&q=gpt-5`,
        "/admin/page/live-checks",
        "/admin/page/nothing",
        `/admin/page/accounts/${account}/remove`,
      ]) {
        if (path.endsWith("nothing")) owner.forgive(/404/);
        await owner.go(path);
        await look(owner);
        await owner.page.emulateMedia({ colorScheme: "dark" });
        await owner.accessible("color-contrast");
        await owner.page.emulateMedia({ colorScheme: "light" });
      }
      await owner.clean();
      await owner.close();
    });
  },
);

describe.each([LAPTOP, PHONE_BY_NIGHT])("%s", (_name, options) => {
  test("a new owner finds the way from every empty page", async () => {
    const owner = await visit(browser, empty.url, options);
    await owner.go("/admin");
    await look(owner);
    await owner.enter(empty.adminToken);
    for (const [path, words] of [
      ["/admin", "Three steps to the first answer"],
      ["/admin/page/keys", "Connect an account"],
      ["/admin/page/use", "Connect an account"],
      ["/admin/page/models", "Connect an account"],
      ["/admin/page/live-checks", "No account to ask with"],
    ] as const) {
      await owner.go(path);
      await owner.page.getByText(words).first().waitFor();
      await look(owner);
    }
    await owner.clean();
    await owner.close();
  });

  test("every panel is accessible, takes the focus and gives it back", async () => {
    const owner = await visit(browser, door.url, options);
    const { page } = owner;
    await owner.enter(door.adminToken);
    for (const [path, opener] of [
      ["/admin", "#connect-claude"],
      ["/admin", "#import"],
      ["/admin", `#rename-${account}`],
      ["/admin", `#remove-${account}`],
      ["/admin/page/keys", "#new-key"],
      ["/admin/page/keys", `#reveal-${key}`],
      ["/admin/page/models", "#new-name"],
    ] as const) {
      if (!page.url().endsWith(path)) await owner.go(path);
      await page.locator(opener).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      const isInside = () => page.evaluate(() => document.activeElement?.closest("dialog") !== null);
      expect(await isInside(), opener).toBe(true);
      await owner.accessible();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await expect
        .poll(() => page.evaluate(() => `#${document.activeElement?.id}`), { timeout: 30_000 })
        .toBe(opener);
    }
    await owner.clean();
    await owner.close();
  });
});

/** Accessible, no wider than the window, and nothing has moved since it was drawn. */
async function look(owner: Visit): Promise<void> {
  await owner.accessible();
  const { page } = owner;
  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(width, `${page.url()} is wider than the window`).toBeLessThanOrEqual(0);
  expect(await moved(page), `${page.url()} moved`).toBe(0);
}

/**
 * The page's cumulative layout shift once it was parsed. A browser that starves may paint half of what it has read
 * before, which is not the page's doing.
 */
async function moved(page: Page): Promise<number> {
  await page.waitForLoadState("load");
  return page.evaluate(async () => {
    await document.fonts.ready;
    const [navigation] = performance.getEntriesByType("navigation");
    const parsedAt = navigation instanceof PerformanceNavigationTiming ? navigation.domInteractive : 0;
    let sum = 0;
    const add = (entries: readonly PerformanceEntry[]) => {
      for (const entry of entries) {
        if (entry.startTime < parsedAt) continue;
        if ("value" in entry && typeof entry.value === "number") sum += entry.value;
      }
    };
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    // What a frame has moved is told of behind it.
    const frame = () => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    await frame();
    await frame();
    add(observer.takeRecords());
    return sum;
  });
}
