/** What is done with accounts that are there, how a session ends, and that markup stays text; in a real browser. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectAll, type Door, openDoor } from "../support/door.ts";
import { openBrowser, type Visit, visit } from "./browser.ts";

let browser: Browser;
let door: Door;
let owner: Visit;
let page: Page;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  door = await openDoor();
  await connectAll(door);
  owner = await visit(browser, door.url);
  page = owner.page;
  await owner.enter(door.adminToken);
});

afterEach(async () => {
  await owner.clean();
  await owner.close();
  await door.close();
});

const dialog = () => page.getByRole("dialog");
const card = (name: string) => page.getByRole("article", { name, exact: true });
const said = (words: string) => page.locator("[data-notice]").getByText(words).waitFor();

test("an owner renames, disables, enables, refreshes and removes an account", async () => {
  await card("Claude sign-in").getByRole("link", { name: "Rename" }).click();
  expect(await dialog().getByLabel("Name").inputValue()).toBe("Claude sign-in");
  await dialog().getByLabel("Name").fill("   ");
  await dialog().getByRole("button", { name: "Rename" }).click();
  await dialog().getByRole("alert").getByText("“Name” must not be empty.", { exact: true }).waitFor();
  await owner.accessible();
  const name = dialog().getByRole("textbox", { name: "Name", description: "“Name” must not be empty." });
  expect(await name.getAttribute("aria-invalid")).toBe("true");
  await dialog().getByLabel("Name").fill("Work");
  await dialog().getByRole("button", { name: "Rename" }).click();
  await said("Renamed.");
  await card("Work").getByRole("button", { name: "Disable" }).click();
  await said("Disabled");
  await card("Work")
    .getByText("Requests pass it over until it is enabled; then it is primary again.")
    .waitFor();
  await card("Work").getByRole("button", { name: "Enable" }).click();
  await card("Work").getByText("Active", { exact: true }).waitFor();
  await card("Work").getByRole("button", { name: "Refresh" }).click();
  await said("The account is fresh.");
  await card("Work").getByText("Refreshed").waitFor();
  expect(new URL(page.url()).search).toBe("");

  await card("Work").getByRole("link", { name: "Remove" }).click();
  await dialog().getByRole("heading", { name: "Remove Work?" }).waitFor();
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Remove");
  await card("Work").getByRole("link", { name: "Remove" }).click();
  await dialog().getByRole("button", { name: "Remove" }).click();
  await said("Removed.");
  await card("Work").waitFor({ state: "detached" });
});

test("an owner chooses which account requests use", async () => {
  await door.account({
    provider: "claude",
    kind: "api_key",
    api_key: door.fakes.claude.issueApiKey(),
    label: "Console",
  });
  await page.reload();
  await card("Claude sign-in").getByText("Primary").waitFor();
  await card("Console").getByRole("button", { name: "Make primary" }).click();
  await card("Console").getByText("Primary", { exact: true }).waitFor();
  expect(await card("Claude sign-in").getByText("Primary", { exact: true }).count()).toBe(0);
});

test("an owner is told that an account must sign in again, and why", async () => {
  const { claude } = door.fakes;
  claude.token.script({ reply: { status: 400, body: { error: "invalid_grant" } } });
  await card("Claude sign-in").getByRole("button", { name: "Refresh" }).click();
  await card("Claude sign-in").getByText("Needs sign-in").waitFor();
  await card("Claude sign-in").getByRole("link", { name: "Sign in again" }).click();
  await dialog().getByRole("heading", { name: "Connect Claude" }).waitFor();
});

test("an owner logs out, and the page is closed", async () => {
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You are logged out.").waitFor();
  await owner.go("/admin/page/keys");
  await page.getByLabel("Admin token").waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
});

test("an owner whose session has ended is asked to log in, in the middle of whatever was begun", async () => {
  await page.context().clearCookies();
  await page.context().addCookies([{ name: "kleis", value: "old.1.x", url: door.url }]);
  await card("Claude sign-in").getByRole("button", { name: "Disable" }).click();
  await page.getByText("Your session has ended. Log in again.").waitFor();
  await page.getByLabel("Admin token").fill("wrong");
  owner.forgive(/401/);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("This is not the admin token.").waitFor();
  await page.getByLabel("Admin token").fill(door.adminToken);
  await page.getByRole("button", { name: "Log in" }).click();
  await card("Claude sign-in").getByText("Active", { exact: true }).waitFor();
});

test("an owner goes back and forth between agents with the browser's buttons", async () => {
  await door.key({ label: "laptop" });
  await page.getByRole("link", { name: "Use it" }).click();
  await page.getByRole("link", { name: "Codex CLI" }).click();
  await page.getByText("~/.codex/config.toml").waitFor();
  await page.getByRole("link", { name: "aider" }).click();
  await page.getByText(/aider --model/).waitFor();
  await page.goBack();
  await page.getByText("~/.codex/config.toml").waitFor();
  await page.goForward();
  await page.getByText(/aider --model/).waitFor();
});

describe("markup", () => {
  const EVIL = `<img src=x onerror="document.title='broken'"><script>document.title='broken'</script>`;
  const EVIL_ID = `<b>x</b>"onload="1`;

  test("in labels, e-mails and a provider's words is shown as it is written", async () => {
    const { claude, codex } = door.fakes;
    const evil = codex.issueTokens({ email: EVIL, plan: EVIL, account: "acc-evil" });
    const id = await door.account({
      provider: "codex",
      kind: "oauth",
      access_token: evil.accessToken,
      refresh_token: evil.refreshToken,
      label: EVIL.slice(0, 110),
    });
    await door.key({ label: EVIL.slice(0, 110), models: [EVIL_ID], accounts: [id] });
    await door.key({ label: "laptop" });
    for (const path of [
      "/admin",
      `/admin/page/accounts/${id}/rename`,
      `/admin/page/accounts/${id}/remove`,
      "/admin/page/keys",
      "/admin/page/keys/new",
      "/admin/page/use",
      "/admin/page/models",
      "/admin/page/live-checks",
      `/admin/page/models?q=${encodeURIComponent(EVIL)}`,
      `/admin/page/use?model=${encodeURIComponent(EVIL)}&agent=${encodeURIComponent(EVIL)}&key=${encodeURIComponent(EVIL)}`,
    ]) {
      await owner.go(path);
      expect(await page.locator("main img, main script, main b").count(), path).toBe(0);
      expect(await page.title(), path).not.toBe("broken");
    }
    await owner.go("/admin");
    expect(await page.locator("main").textContent()).toContain(EVIL.slice(0, 110));

    claude.script({
      status: 400,
      body: { type: "error", error: { type: "invalid_request_error", message: EVIL } },
    });
    await page.getByRole("link", { name: "Use it" }).click();
    await page.getByLabel("Key").selectOption({ label: await laptop() });
    // Until then the links are those of the key before.
    await page.waitForFunction(() => new URL(location.href).searchParams.has("key"));
    await page.getByRole("link", { name: "Claude Code" }).click();
    await page.getByText("ANTHROPIC_BASE_URL=").first().waitFor();
    await page.getByRole("button", { name: "Test" }).click();
    await page.locator("#test-result").waitFor();
    expect(await page.locator("#test-result").textContent()).toContain("<img src=x");
    expect(await page.locator("main img, main script").count()).toBe(0);
  });

  test("in a provider's sign-in error does not get into the page", async () => {
    door.fakes.codex.token.script({
      reply: { status: 400, body: { error: "invalid_request", error_description: EVIL } },
    });
    await page.getByRole("link", { name: "Connect Codex" }).click();
    await dialog().getByRole("button", { name: "Continue" }).click();
    const link = dialog().getByRole("link", { name: /^Open / });
    const callback = door.fakes.codex.authorize((await link.getAttribute("href")) ?? "");
    await dialog().getByLabel("Paste the address that it ends at").fill(callback);
    await dialog().getByRole("button", { name: "Finish" }).click();
    await dialog().getByRole("alert").waitFor();
    expect(await dialog().locator("img, script").count()).toBe(0);
  });

  /** The name of the choice of the key `laptop`. */
  async function laptop(): Promise<string> {
    const names = await page.getByLabel("Key").locator("option").allTextContents();
    return names.find((name) => name.startsWith("laptop")) ?? "";
  }
});
