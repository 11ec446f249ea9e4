/** The page on a small phone, 360 pixels wide: what is needed next is in sight, and nothing covers anything else. */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { DESKTOP, openBrowser, type Visit, visit } from "./browser.ts";

const SMALL = { width: 360, height: 640 };

let browser: Browser;
let door: Door;
let owner: Visit;
let page: Page;

beforeAll(async () => {
  [browser, door] = await Promise.all([openBrowser(), openDoor()]);
  await connectAll(door);
  await door.key({ label: "laptop" });
});
afterAll(async () => {
  await browser?.close();
  await door?.close();
});

beforeEach(async () => {
  owner = await visit(browser, door.url, { viewport: SMALL });
  page = owner.page;
  await owner.enter(door.adminToken);
});

afterEach(async () => {
  await owner.clean();
  await owner.close();
});

const dialog = () => page.getByRole("dialog");

/** All of it is in the window, and nothing covers its middle. */
const isInSight = (what: Locator) =>
  what.evaluate((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const found = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const isInside = left >= 0 && top >= 0 && right <= window.innerWidth && bottom <= window.innerHeight;
    return isInside && (element.contains(found) || found?.contains(element) === true);
  });

test.each([
  ["/admin", "#connect-claude", "Continue"],
  ["/admin", "#connect-codex", "Continue"],
  ["/admin", "#import", "Import"],
  ["/admin/page/keys", "#new-key", "Create"],
  ["/admin/page/models", "#new-name", "Save"],
])(
  "on %s the dialog of %s has its way on and its way out in sight, wherever it is scrolled to",
  async (path, opener, name) => {
    await owner.go(path);
    await page.locator(opener).click();
    const onwards = dialog().getByRole("button", { name, exact: true });
    const out = dialog().getByRole("link", { name: "Close" });
    await onwards.waitFor();
    for (const to of [0, 200, 100_000]) {
      await dialog().evaluate((element, top) => element.scrollTo(0, top), to);
      expect(await isInSight(onwards), `${name} at ${to}`).toBe(true);
      expect(await isInSight(out), `Close at ${to}`).toBe(true);
    }
  },
);

/** Fonts, languages and zoom make words wider than they are here: buttons wrap, and what sticks grows. */
const FONTS: readonly (readonly [string, string])[] = [
  ["the pinned font", ""],
  ["a wide font", "* { letter-spacing: 0.08em !important; }"],
  ["a very wide font", "* { letter-spacing: 0.3em !important; }"],
  ["large text", ":root { font-size: 22px !important; }"],
];

/** Past the page's own policy, as a user's style or font would be. */
const dressed = (style: string) =>
  page.evaluate((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets = [sheet];
  }, style);

test.each(FONTS)("whatever has the focus in a long dialog is not covered, with %s", async (_name, style) => {
  await owner.go("/admin/page/keys");
  await dressed(style);
  await page.locator("#new-key").click();
  await dialog().locator("summary", { hasText: "Models" }).click();
  for (let at = 0; at < 14; at++) {
    await page.keyboard.press("Tab");
    expect(await isInSight(page.locator("dialog :focus")), `after ${at + 1} steps`).toBe(true);
  }
});

test.each(FONTS)("why a form was refused is in sight with %s", async (_name, style) => {
  await page.route("**/start", async (route) => {
    const answer = await route.fetch({ postData: "mode=nonsense" });
    await route.fulfill({ response: answer });
  });
  await dressed(style);
  await page.locator("#connect-claude").click();
  await dialog().getByLabel("My Claude plan").check();
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().getByRole("alert").waitFor();
  expect(await isInSight(dialog().getByRole("alert"))).toBe(true);
});

test.each([1440, 1280, 390, 360])(
  "at %i pixels the way that Anthropic allows is in sight at once",
  async (width) => {
    await page.setViewportSize({ width, height: width < 500 ? 640 : 800 });
    await page.locator("#connect-claude").click();
    const ways = dialog().locator(".choice");
    await ways.first().waitFor();
    for (const way of await ways.all()) expect(await isInSight(way)).toBe(true);
  },
);

test("every agent's tab is in sight at once", async () => {
  await owner.go("/admin/page/use");
  for (const reveals of [false, true]) {
    if (reveals) {
      await page.getByRole("button", { name: "Fill in the key", exact: true }).click();
      await page.getByRole("button", { name: "Fill in the key", exact: true }).waitFor({ state: "detached" });
    }
    const tabs = page.locator(".tabs > *");
    expect(await tabs.count()).toBeGreaterThan(5);
    await tabs.first().scrollIntoViewIfNeeded();
    for (const tab of await tabs.all()) expect(await isInSight(tab)).toBe(true);
  }
});

describe.each([
  ["small phone", SMALL],
  ["laptop", DESKTOP],
])("on a %s", (_name, viewport) => {
  test("a panel that is a page paints nothing over its own edge", async () => {
    await page.setViewportSize(viewport);
    for (const path of [
      "/admin/page/keys/new",
      "/admin/page/connect/claude",
      "/admin/page/import?kind=tokens",
    ]) {
      await owner.go(path);
      const left = await page.locator(".panel").evaluate((panel) => {
        const row = panel.querySelector(".row.end")?.getBoundingClientRect();
        const { bottom, right } = panel.getBoundingClientRect();
        return row === undefined ? 0 : Math.min(bottom - row.bottom, right - row.right);
      });
      expect(left, path).toBeGreaterThan(8);
    }
  });
});

test("the edges of fields stand out by day and by night", async () => {
  for (const path of [
    "/admin/page/keys/new",
    "/admin/page/use",
    "/admin/page/import",
    "/admin/page/models",
  ]) {
    await owner.go(path);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const fields = page.locator(
        "main :is(input, select, textarea):not([type=hidden], [type=file], [type=checkbox])",
      );
      const all = await fields.all();
      expect(all.length, path).toBeGreaterThan(0);
      for (const field of all) {
        const { edge, inside, outside } = await coloursOf(field);
        const id = `${path} ${colorScheme} ${await field.getAttribute("id")}`;
        expect(Math.min(contrast(edge, inside), contrast(edge, outside)), id).toBeGreaterThanOrEqual(3);
      }
    }
  }
});

type Colour = readonly [red: number, green: number, blue: number];

/** The colours of a field's edge and of what is on both sides of it. */
async function coloursOf(field: Locator): Promise<Record<"edge" | "inside" | "outside", Colour>> {
  const texts = await field.evaluate((element) => {
    let around = element.parentElement;
    while (around !== null && getComputedStyle(around).backgroundColor === "rgba(0, 0, 0, 0)") {
      around = around.parentElement;
    }
    const { borderTopColor, backgroundColor } = getComputedStyle(element);
    return [borderTopColor, backgroundColor, getComputedStyle(around ?? element).backgroundColor];
  });
  const [edge, inside, outside] = texts.map((text): Colour => {
    const [red = 0, green = 0, blue = 0] = [...text.matchAll(/[\d.]+/g)].map(Number);
    return [red, green, blue];
  });
  if (edge === undefined || inside === undefined || outside === undefined) throw new Error("no colours");
  return { edge, inside, outside };
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: Colour, other: Colour): number {
  const [dark = 0, bright = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
