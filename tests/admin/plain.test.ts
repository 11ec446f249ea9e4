/** The same ways with JavaScript switched off: links and forms, one page after the other. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Door, openDoor } from "../support/door.ts";
import { openBrowser, PHONE, type Visit, visit } from "./browser.ts";

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
  owner = await visit(browser, door.url, { scripts: false, viewport: PHONE });
  page = owner.page;
  await owner.login(door.adminToken);
});

afterEach(async () => {
  await owner.clean();
  await owner.close();
  expect(door.fakes.violations()).toEqual([]);
  await door.close();
});

const heading = (name: string) => page.getByRole("heading", { level: 1, name }).waitFor();
const click = (role: "button" | "link", name: string) => page.getByRole(role, { name, exact: true }).click();

test("without scripts an owner signs in with a device code, asking when it is entered", async () => {
  door.fakes.copilot.device.interval = 1;
  await click("link", "Connect GitHub Copilot");
  await page.getByRole("heading", { name: "Before you sign in" }).waitFor();
  await click("button", "Continue");
  const code = (await page.locator("#user-code").textContent()) ?? "";
  expect(await page.getByRole("button", { name: "Copy the code" }).isVisible()).toBe(false);
  await click("button", "I have entered it");
  await page.getByText("Not yet: enter the code there").waitFor();
  door.fakes.copilot.approveDevice(code);
  // Asked too early the page answers at once, without asking the provider.
  await expect
    .poll(
      async () => {
        await click("button", "I have entered it");
        return page.getByRole("heading", { level: 1 }).textContent();
      },
      { timeout: 45_000, interval: 700 },
    )
    .toBe("The account is connected");
  await click("link", "Done");
  await page.getByRole("article", { name: "octo-owner" }).waitFor();
});

test("without scripts an owner pastes a wrong and then the right code", async () => {
  await click("link", "Connect Claude");
  await page.locator("form").evaluateAll((forms) => {
    for (const form of forms) if (form instanceof HTMLFormElement) form.noValidate = true;
  });
  await click("button", "Continue");
  await page.getByRole("alert").getByText("Choose how to sign in first.").waitFor();
  await page.getByLabel("My Claude plan").check();
  await click("button", "Continue");
  const link = page.getByRole("link", { name: /^Open / });
  const shown = door.fakes.claude.authorize((await link.getAttribute("href")) ?? "");
  await page.getByLabel("Paste the code").fill("wrong#state");
  await click("button", "Finish");
  await page.getByRole("alert").getByText("This code belongs to another sign-in").waitFor();
  await page.getByLabel("Paste the code").fill(shown);
  await click("button", "Finish");
  await heading("The account is connected");
});

test("without scripts an owner imports, names, disables and removes an account", async () => {
  const path = join(door.folder, "auth.json");
  writeFileSync(path, JSON.stringify(door.fakes.files().codex));
  await click("link", "Import");
  await page.getByLabel("Choose the file, or drop it here").setInputFiles(path);
  await click("button", "Import");
  await heading("The account is saved");
  await click("link", "Done");
  await click("link", "Rename");
  await page.getByLabel("Name").fill("Mine");
  await click("button", "Rename");
  await page.getByText("Renamed.").waitFor();
  await click("button", "Disable");
  await page.getByText("Requests pass it over until it is enabled; then it is primary again.").waitFor();
  await click("link", "Remove");
  await heading("Remove Mine?");
  await click("button", "Remove");
  await page.getByText("Removed.").waitFor();
  expect(await page.getByRole("article").count()).toBe(0);
});

test("without scripts an owner creates, uses, tests, reveals and revokes a key", async () => {
  await door.account({ provider: "claude", kind: "api_key", api_key: door.fakes.claude.issueApiKey() });
  await click("link", "Keys");
  await click("link", "Create a key");
  await page.getByLabel("Name").fill("Phone");
  await page.locator("summary", { hasText: "Providers" }).click();
  await page.getByRole("checkbox", { name: "Claude" }).check();
  await click("button", "Create");
  await heading("The key is ready");
  const key = (await page.locator("#key-text").textContent())?.trim() ?? "";
  await click("button", "Use it in an agent");
  await click("button", "Claude Code");
  await page.getByText(`ANTHROPIC_AUTH_TOKEN=${key}`).waitFor();
  await page.getByLabel("Model").selectOption("claude-haiku-4-5");
  await click("button", "Show");
  await page.getByText(`ANTHROPIC_AUTH_TOKEN=${key.slice(0, 10)}`).waitFor();
  expect(await page.content()).not.toContain(key);
  await click("button", "Fill in the key to copy");
  await page.getByText(`ANTHROPIC_AUTH_TOKEN=${key}`).waitFor();
  await click("button", "Test");
  await page.locator("#test-result").getByText("It works. claude-haiku-4-5 answered").waitFor();

  await click("link", "Models");
  await page.getByLabel("For the key").selectOption({ index: 1 });
  await click("button", "Show");
  await page.getByText("answers", { exact: true }).first().waitFor();

  await click("link", "Keys");
  await click("button", "Reveal");
  await page.getByText(key).waitFor();
  await click("link", "Done");
  await click("link", "Revoke");
  await click("button", "Revoke");
  await page.getByText("1 key that ended").waitFor();
});

test("without scripts an owner logs out", async () => {
  await click("button", "Log out");
  await page.getByText("You are logged out.").waitFor();
});
