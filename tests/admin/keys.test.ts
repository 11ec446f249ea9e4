/** Keys, setups and models in a real browser: make one, use it, see it again, end it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { DESKTOP, openBrowser, PHONE, type Visit, visit } from "./browser.ts";

let browser: Browser;
let door: Door;
let owner: Visit;
let page: Page;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

afterEach(async () => {
  await owner.clean();
  await owner.close();
  await door.close();
});

const dialog = () => page.getByRole("dialog");
const card = (name: string) => page.getByRole("article", { name, exact: true });
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

/** Nothing of it is left on the page once the dialog's own `close` event, which comes a task later, has run. */
const gone = (key: string) => expect.poll(() => page.content()).not.toContain(key);

async function createKey(name: string, choose: () => Promise<void> = async () => {}): Promise<string> {
  await page.getByRole("link", { name: "Create a key" }).click();
  await dialog().getByLabel("Name").fill(name);
  await choose();
  await dialog().getByRole("button", { name: "Create" }).click();
  await dialog().getByRole("heading", { name: "The key is ready" }).waitFor();
  return (await dialog().locator("#key-text").textContent())?.trim() ?? "";
}

/** The search texts whose answers the page's script has read and dealt with, in order. */
declare const dealtWith: string[];

/** Has the page note them in `dealtWith`. */
const noteAnswers = () =>
  page.addInitScript(() => {
    const noted: string[] = [];
    Object.assign(window, { dealtWith: noted });
    const real = window.fetch;
    window.fetch = async (...sent) => {
      const response = await real(...sent);
      const query = new URL(response.url).searchParams.get("q");
      const text = await response.text();
      // A task later: what the script does with the text has then been done.
      if (query !== null) setTimeout(() => setTimeout(() => noted.push(query)));
      return Object.assign(response, { text: async () => text });
    };
  });

/** Keeps the answer to one search back until `answer` is called, which resolves when the page has dealt with it. */
async function holdSearch(query: string) {
  const isIt = (url: URL) => url.searchParams.get("q") === query;
  let open = () => {};
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  await page.route(isIt, async (route) => {
    await held;
    await route.continue();
  });
  const asked = page.waitForRequest((request) => isIt(new URL(request.url())));
  return {
    asked,
    async answer() {
      open();
      await page.waitForFunction((text) => dealtWith.includes(text), query);
    },
  };
}

/** Whether a key opens the list of models. */
async function opens(key: string): Promise<number> {
  return (await fetch(`${door.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
}

describe.each([
  ["on a laptop by night", { viewport: DESKTOP, colorScheme: "dark" }],
  ["on a phone by day", { viewport: PHONE, colorScheme: "light" }],
] as const)("%s an owner", (_name, options) => {
  beforeEach(async () => {
    door = await openDoor();
    await connectAll(door);
    owner = await visit(browser, door.url, options);
    page = owner.page;
    await owner.enter(door.adminToken);
  });

  test("creates the first key from the empty state, copies it, sees it again and revokes it", async () => {
    await page.getByRole("link", { name: "Keys" }).click();
    await page.getByRole("heading", { name: "No key yet" }).waitFor();
    const key = await createKey("Laptop");
    expect(key).toMatch(/^kleis_[\w-]{43}$/);
    const copy = dialog().getByRole("button", { name: "Copy Key" });
    await copy.click();
    await copy.getByText("Copied").waitFor();
    expect((await clipboard()).trim()).toBe(key);
    await dialog().getByRole("link", { name: "Done" }).click();
    await card("Laptop").getByText("everything").waitFor();
    await gone(key);
    expect(await opens(key)).toBe(200);

    await card("Laptop").getByRole("button", { name: "Reveal" }).click();
    await dialog().getByText(key).waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "hidden" });
    await gone(key);

    await card("Laptop").getByRole("link", { name: "Revoke" }).click();
    await dialog().getByRole("link", { name: "Keep it" }).click();
    expect(await opens(key)).toBe(200);
    await card("Laptop").getByRole("link", { name: "Revoke" }).click();
    await dialog().getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("status").filter({ hasText: "Revoked." }).first().waitFor();
    await page.getByText("1 key that ended").waitFor();
    expect(await opens(key)).toBe(401);
  });

  test("copies an agent's setup with the key filled in, and tests it", async () => {
    await page.getByRole("link", { name: "Keys" }).click();
    const key = await createKey("Codex on the desktop");
    await dialog().getByRole("button", { name: "Use it in an agent" }).click();
    await page.getByRole("heading", { level: 1, name: "Use it" }).waitFor();
    expect(page.url()).not.toContain("kleis_");
    await page.getByRole("button", { name: "Codex CLI" }).click();
    await page.getByText('base_url = "').waitFor();
    await page.getByRole("button", { name: "Copy Shell" }).click();
    await expect.poll(clipboard).toContain(`printf %s ${key} > ~/.config/kleis/key)\ncodex`);
    await page.getByRole("button", { name: "Claude Code" }).click();
    await page.getByText(`export ANTHROPIC_BASE_URL=${door.url} ANTHROPIC_AUTH_TOKEN=${key}`).waitFor();
    await page.getByLabel("Model").selectOption("claude-haiku-4-5");
    await page.getByText("export ANTHROPIC_MODEL=claude-haiku-4-5").waitFor();

    await page.getByRole("button", { name: "Test" }).click();
    await page
      .locator("#test-result")
      .getByText("It works. claude-haiku-4-5 answered through Claude sign-in")
      .waitFor();
    expect(door.fakes.claude.last().path).toBe("/v1/messages");
    expect(door.fakes.violations()).toEqual([]);
  });
});

describe("an owner", () => {
  beforeEach(async () => {
    door = await openDoor();
    const { copilot } = await connectAll(door);
    await door.admin("PATCH", `/admin/accounts/${copilot}`, { label: "Seat of the firm" });
    owner = await visit(browser, door.url);
    page = owner.page;
    await owner.enter(door.adminToken);
  });

  test("limits a key, and sees what it may use and until when", async () => {
    await page.getByRole("link", { name: "Keys" }).click();
    await createKey("Narrow", async () => {
      await dialog().locator("summary", { hasText: "Providers" }).click();
      await dialog().getByRole("checkbox", { name: "GitHub Copilot" }).first().check();
      await dialog().locator("summary", { hasText: "Accounts" }).click();
      await dialog().getByRole("checkbox", { name: "Seat of the firm" }).check();
      await dialog().locator("summary", { hasText: "Models" }).click();
      await dialog().getByRole("checkbox", { name: "copilot/gpt-5-mini" }).check();
      await dialog().getByLabel("Ends").selectOption("week");
    });
    await page.keyboard.press("Escape");
    await card("Narrow").getByText("GitHub Copilot · Seat of the firm · copilot/gpt-5-mini").waitFor();
    await card("Narrow").getByText("in 7 days").waitFor();

    await page.getByRole("link", { name: "Models" }).click();
    await page.getByLabel("For the key").selectOption({ index: 1 });
    await page.getByRole("columnheader", { name: "This key" }).first().waitFor();
    await page.getByRole("searchbox", { name: "Find" }).fill("gpt-5-mini");
    await page.getByRole("button", { name: "Show" }).click();
    await expect.poll(() => page.getByText("answers", { exact: true }).count()).toBe(1);
    await page.getByRole("searchbox", { name: "Find" }).fill("claude-haiku-4-5");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("outside its limits").first().waitFor();

    await card("nothing").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Use it" }).click();
    await page.getByRole("link", { name: "Claude Code" }).click();
    // Translated for it.
    const setup = page.getByRole("region", { name: "Setup for Claude Code" });
    await setup.getByText("copilot/gpt-5-mini").first().waitFor();
  });

  test("keeps what is typed while an answer is on its way, and gets the answer to the newest search", async () => {
    await noteAnswers();
    await page.reload();
    await page.getByRole("link", { name: "Models" }).click();
    const find = page.getByRole("searchbox", { name: "Find" });
    const rows = (name: string) => page.getByRole("row", { name: new RegExp(name) });
    const first = await holdSearch("gpt-5-mini");
    await find.fill("gpt-5-mini");
    await find.press("Enter");
    await first.asked;
    await find.pressSequentially("-and-more");
    await first.answer();
    await rows("claude-haiku-4-5").first().waitFor({ state: "detached" });
    await rows("gpt-5-mini").first().waitFor();
    expect(await find.inputValue()).toBe("gpt-5-mini-and-more");

    const second = await holdSearch("gpt-5.5");
    await find.fill("gpt-5.5");
    await find.press("Enter");
    await second.asked;
    await find.fill("claude-haiku-4-5");
    await find.press("Enter");
    await rows("claude-haiku-4-5").first().waitFor();
    await second.answer();
    expect(await rows("claude-haiku-4-5").count()).toBeGreaterThan(0);
    expect(new URL(page.url()).searchParams.get("q")).toBe("claude-haiku-4-5");

    await page.goBack();
    await rows("gpt-5-mini").first().waitFor();
    await rows("claude-haiku-4-5").first().waitFor({ state: "detached" });
    expect(await find.inputValue()).toBe("gpt-5-mini");
  });

  test("is told that a key cannot end in the past, and keeps what was typed", async () => {
    await page.getByRole("link", { name: "Keys" }).click();
    await page.getByRole("link", { name: "Create a key" }).click();
    await dialog().getByLabel("Name").fill("Late");
    await dialog().getByLabel("Ends").selectOption("date");
    await dialog().getByRole("button", { name: "Create" }).click();
    await dialog().getByText("Choose the last day on which the key may be used.").waitFor();
    await dialog().getByLabel("Last day (UTC)").fill("2020-01-01");
    await dialog().getByRole("button", { name: "Create" }).click();
    await dialog().getByText("The last day must not lie in the past.").waitFor();
    expect(await dialog().getByLabel("Last day (UTC)").getAttribute("aria-invalid")).toBe("true");
    expect(await dialog().getByLabel("Name").getAttribute("aria-invalid")).toBe(null);
    expect(await dialog().getByLabel("Name").inputValue()).toBe("Late");
    await dialog().getByLabel("Last day (UTC)").fill("2999-12-31");
    await dialog().getByRole("button", { name: "Create" }).click();
    await dialog().getByRole("heading", { name: "The key is ready" }).waitFor();
  });

  test("is never handed a setup with a gap: the key is filled in before anything that holds it is copied", async () => {
    const key = await door.key({ label: "laptop" });
    await owner.go("/admin/page/use?agent=codex");
    expect(await page.content()).not.toContain(key);
    expect(await page.getByRole("button", { name: /^Copy/ }).all()).toHaveLength(1);
    await page.getByRole("button", { name: "Copy ~/.codex/config.toml" }).click();
    await expect.poll(clipboard).toContain('model_provider = "kleis"');
    await page.getByRole("button", { name: "Fill in the key to copy" }).click();
    await page.getByRole("button", { name: "Copy Shell" }).click();
    await expect.poll(clipboard).toContain(`printf %s ${key} > ~/.config/kleis/key)\ncodex`);
  });

  test("sees why a test request was refused", async () => {
    await door.key({ label: "laptop" });
    await page.getByRole("link", { name: "Use it" }).click();
    await page.getByRole("link", { name: "Codex CLI" }).click();
    await page.getByText('base_url = "').waitFor();
    door.fakes.codex.always("error:429");
    await page.getByRole("button", { name: "Test" }).click();
    await page
      .locator("#test-result")
      .getByText(/^gpt-[\w.-]+ was refused/)
      .waitFor();
    await page.locator("#test-result").getByText("The account’s limit is reached.").waitFor();
  });

  test("gives a model a name of his own, changes and removes it", async () => {
    const key = await door.key({ label: "laptop" });
    const ask = async () => {
      const answer = await fetch(`${door.url}/v1/models/fast`, {
        headers: { authorization: `Bearer ${key}` },
      });
      return answer.status;
    };
    const said = (words: string) => page.locator("[data-notice]").getByText(words).waitFor();
    await owner.go("/admin/page/models?key=&q=gpt-5");
    await page.getByRole("link", { name: "Add a name" }).click();
    await dialog().getByLabel("Name that agents ask for").fill("fast");
    await dialog().getByLabel("Provider", { exact: true }).selectOption("copilot");
    await dialog().getByLabel("Model, as the provider spells it").fill("no spaces allowed");
    await dialog().getByRole("button", { name: "Save" }).click();
    await dialog().getByRole("alert").waitFor();
    await dialog().getByLabel("Model, as the provider spells it").fill("gpt-5-mini");
    await dialog().getByRole("button", { name: "Save" }).click();
    await page
      .getByRole("listitem")
      .filter({ hasText: "GitHub Copilot: gpt-5-mini" })
      .getByText("answers")
      .waitFor();
    await said("The name is saved.");
    expect(await ask()).toBe(200);

    await page.getByRole("link", { name: "Change" }).click();
    await dialog().getByLabel("Shown as (optional)").fill("Small and fast");
    await dialog().getByRole("button", { name: "Save" }).click();
    await page.getByText("Small and fast ·").waitFor();
    await page.getByRole("link", { name: "Remove" }).click();
    await dialog().getByRole("heading", { name: "Remove fast?" }).waitFor();
    await dialog().getByRole("link", { name: "Keep it" }).click();
    expect(await ask()).toBe(200);
    await page.getByRole("link", { name: "Remove" }).click();
    await dialog().getByRole("button", { name: "Remove" }).click();
    await page.getByText("A name of your own stands for").waitFor();
    await said("The name is removed.");
    expect(await ask()).toBe(404);

    expect(new URL(page.url()).search).toBe("?key=&q=gpt-5");
    await page.getByRole("button", { name: "Look again" }).click();
    await said("Asked again");
    expect(await page.getByRole("searchbox", { name: "Find" }).inputValue()).toBe("gpt-5");
  });
});
