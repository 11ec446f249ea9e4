/** Connecting accounts in a real browser: every provider through each of its ways, from the first login on. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Door, openDoor } from "../support/door.ts";
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
  expect(door.fakes.violations()).toEqual([]);
  await door.close();
});

const dialog = () => page.getByRole("dialog");
const card = (name: string) => page.getByRole("article", { name, exact: true });

/** Opens a provider's dialog, reads its notice and goes on with the way of signing in. */
async function begin(provider: string, way?: string): Promise<void> {
  await page.getByRole("link", { name: `Connect ${provider}` }).click();
  await dialog()
    .getByRole("heading", { name: `Connect ${provider}` })
    .waitFor();
  await dialog().getByRole("heading", { name: "Before you sign in" }).waitFor();
  if (way !== undefined) await dialog().getByLabel(way).check();
  await dialog().getByRole("button", { name: "Continue" }).click();
}

/** The address that the owner would open. */
async function address(): Promise<string> {
  return (
    (await dialog()
      .getByRole("link", { name: /^Open / })
      .getAttribute("href")) ?? ""
  );
}

async function paste(what: string): Promise<void> {
  await dialog()
    .getByLabel(/^Paste the (code|address that it ends at)$/)
    .fill(what);
  await dialog().getByRole("button", { name: "Finish" }).click();
}

async function connected(): Promise<void> {
  await dialog().getByRole("heading", { name: "The account is connected" }).waitFor();
}

/** An import says whether anything was tried, and where to do so. */
async function saved(
  title = "The account is saved",
  words = "It has not been tested yet: the provider has not been asked.",
): Promise<void> {
  await dialog().getByRole("heading", { name: title }).waitFor();
  await dialog().getByText(words).waitFor();
  expect(await dialog().getByRole("link", { name: "Test it" }).getAttribute("href")).toBe("/admin/page/use");
}

async function done(): Promise<void> {
  await dialog().getByRole("link", { name: "Done" }).click();
  await dialog().waitFor({ state: "hidden" });
}

describe.each([
  ["on a laptop by day", { viewport: DESKTOP, colorScheme: "light" }],
  ["on a phone by night", { viewport: PHONE, colorScheme: "dark" }],
] as const)("%s an owner", (_name, options) => {
  beforeEach(async () => {
    door = await openDoor();
    owner = await visit(browser, door.url, options);
    page = owner.page;
    await owner.login(door.adminToken);
  });

  test("types a device code at GitHub while the page waits by itself", async () => {
    door.fakes.copilot.device.interval = 1;
    await begin("GitHub Copilot");
    const code = (await dialog().locator("#user-code").textContent()) ?? "";
    expect(code).toMatch(/^FAKE-\d{4}$/);
    const copy = dialog().getByRole("button", { name: "Copy the code" });
    await copy.click();
    await copy.getByText("Copied").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);
    await dialog().getByText("Waiting for you to enter it.").waitFor();
    await dialog().getByText("The code is valid for").waitFor();
    const left = async () => (await dialog().locator("[data-countdown]").textContent()) ?? "";
    expect(await left()).toMatch(/^1[45]:\d\d$/);
    await expect.poll(left, { timeout: 40_000 }).toMatch(/^14:[0-5]\d$/);
    door.fakes.copilot.approveDevice(code);
    await connected();
    expect(await dialog().textContent()).toContain("octo-owner");
    await done();
    await card("octo-owner").getByText("Primary").waitFor();
    await card("octo-owner").getByText("Subscription, Copilot Pro+", { exact: true }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("connect-copilot");
  });

  test("pastes a wrong and then the right code of Claude", async () => {
    await begin("Claude", "My Claude plan");
    const shown = door.fakes.claude.authorize(await address());
    expect(await dialog().getByLabel("Paste the code").count()).toBe(1);
    expect(await dialog().textContent()).not.toContain("does not load");
    await paste("not#right");
    await dialog().getByRole("alert").getByText("This code belongs to another sign-in").waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("code");
    await paste(shown);
    await connected();
    await done();
    await card("Claude me@example.com").getByText("Subscription, Max").waitFor();
  });
});

describe("an owner", () => {
  beforeEach(async () => {
    door = await openDoor();
    owner = await visit(browser, door.url);
    page = owner.page;
    await owner.enter(door.adminToken);
  });

  test("lets the Console make an API key", async () => {
    await begin("Claude", "A new API key");
    await paste(door.fakes.claude.authorize(await address()));
    await connected();
    await done();
    await card("Claude me@example.com").getByText("has no end").waitFor();
  });

  test("has to choose between Claude's ways: none is chosen beforehand, and what is allowed stands first", async () => {
    await page.getByRole("link", { name: "Connect Claude" }).click();
    const ways = dialog().getByRole("radio");
    await ways.first().waitFor();
    expect(
      await ways.evaluateAll((all) => all.map((way) => way instanceof HTMLInputElement && way.checked)),
    ).toEqual([false, false, false]);
    const names = await dialog().locator(".choice strong").allTextContents();
    expect(names).toEqual(["An API key that I have", "A new API key", "My Claude plan"]);
    await dialog().getByText("Against Anthropic’s rules").waitFor();
    await dialog().getByRole("button", { name: "Continue" }).click();
    expect(await ways.first().evaluate((way: HTMLInputElement) => way.validity.valueMissing)).toBe(true);
    await dialog().getByLabel("An API key that I have").check();
    await dialog().getByRole("button", { name: "Continue" }).click();
    await dialog().getByRole("heading", { name: "Import an account" }).waitFor();
    expect(await dialog().getByLabel("Provider").inputValue()).toBe("claude");
  });

  test("is told that the provider refuses an API key, which is then not saved", async () => {
    await page.getByRole("link", { name: "Import" }).click();
    await dialog().getByRole("link", { name: "API key" }).click();
    await dialog().getByLabel("Provider").selectOption("claude");
    await dialog().getByLabel("API key").fill("hello");
    await dialog().getByRole("button", { name: "Import" }).click();
    await dialog()
      .getByRole("alert")
      .getByText("Claude rejected this API key, so it was not saved.")
      .waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("api-key");
    // The stand-in rightly blames whoever sends it a wrong key.
    door.fakes.claude.violations.length = 0;
    await page.keyboard.press("Escape");
    expect(await page.getByRole("article").count()).toBe(0);
  });

  test("is told what a bare token is, and where it goes, and never to log out", async () => {
    await page.getByRole("link", { name: "Import" }).click();
    expect(await dialog().textContent()).toContain("do not log out in it");
    expect(await dialog().textContent()).toContain(
      'security find-generic-password -s "Claude Code-credentials" -w',
    );
    await dialog()
      .getByLabel("Or paste its content")
      .fill("export CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-bare");
    await dialog().getByRole("button", { name: "Import" }).click();
    await dialog().getByRole("alert").getByText("This is a Claude access token, not a file").waitFor();
    await dialog().getByText("paste it under “Tokens”, with Claude as the provider").waitFor();
  });

  test("signs in to ChatGPT with the browser and pastes the address it ends at", async () => {
    await begin("Codex", "Sign in with this browser");
    await paste(door.fakes.codex.authorize(await address()));
    await connected();
    await done();
    await card("owner@example.org").getByText("Subscription, Plus").waitFor();
  });

  test("signs in to ChatGPT with a device code", async () => {
    door.fakes.codex.device.interval = 1;
    await begin("Codex", "Type a code on their page");
    const code = (await dialog().locator("#user-code").textContent()) ?? "";
    door.fakes.codex.approveDevice(code);
    await connected();
  });

  test("is told when the provider refuses, and what to do next", async () => {
    door.fakes.copilot.device.interval = 1;
    await begin("GitHub Copilot");
    const code = (await dialog().locator("#user-code").textContent()) ?? "";
    door.fakes.copilot.denyDevice(code);
    await dialog().getByRole("heading", { name: "GitHub Copilot is not connected" }).waitFor();
    await dialog().getByText("The sign-in was cancelled at GitHub").waitFor();
    await dialog().getByRole("link", { name: "Start again" }).click();
    await dialog().getByRole("button", { name: "Continue" }).waitFor();
    await page.keyboard.press("Escape");

    await begin("Codex", "Sign in with this browser");
    await paste(door.fakes.codex.authorize(await address(), { deny: true }));
    await dialog().getByText("This ChatGPT workspace has no Codex").waitFor();
    await page.keyboard.press("Escape");

    door.fakes.codex.device.enabled = false;
    await begin("Codex", "Type a code on their page");
    await dialog().getByRole("alert").waitFor();
    expect(await dialog().getByLabel("Type a code on their page").isChecked()).toBe(true);
  });

  test("keeps waiting while Kleis cannot be reached", async () => {
    door.fakes.copilot.device.interval = 1;
    await begin("GitHub Copilot");
    await page.route("**/check", (route) => route.abort());
    owner.forgive(/ERR_FAILED/);
    await dialog().getByText("No connection to Kleis; trying again.").waitFor();
    door.fakes.copilot.approveDevice((await dialog().locator("#user-code").textContent()) ?? "");
    await page.unroute("**/check");
    await connected();
  });

  test("is told that an enterprise domain is not allowed, and keeps what was typed", async () => {
    await page.getByRole("link", { name: "Connect GitHub Copilot" }).click();
    await dialog().getByLabel("Enterprise domain (optional)").fill("evil.example");
    await dialog().getByRole("button", { name: "Continue" }).click();
    await dialog().getByRole("alert").getByText("The enterprise domain evil.example is not").waitFor();
    expect(await dialog().getByLabel("Enterprise domain (optional)").inputValue()).toBe("evil.example");
  });

  test("imports a credential file by choosing, by dropping and by pasting it", async () => {
    const { opencode, codex, claude } = door.fakes.files();
    const path = join(door.folder, "auth.json");
    writeFileSync(path, JSON.stringify(opencode));
    const open = () => page.getByRole("link", { name: "Import" }).click();
    const send = () => dialog().getByRole("button", { name: "Import" }).click();

    await open();
    await dialog().getByLabel("Choose the file, or drop it here").setInputFiles(path);
    await send();
    await saved("Accounts are saved", "Not all of them have been tested yet.");
    expect(await dialog().getByRole("listitem").count()).toBe(3);
    await done();
    await expect.poll(() => page.getByRole("article").count()).toBe(3);

    await open();
    await drop(JSON.stringify(codex));
    await send();
    await saved();
    await page.keyboard.press("Escape");

    await open();
    await dialog().getByLabel("Or paste its content").fill("{ not json");
    await send();
    await dialog().getByRole("alert").getByText("This is not the JSON of a credential file").waitFor();
    await dialog().getByLabel("Or paste its content").fill(JSON.stringify(claude));
    await send();
    await saved();
  });

  test("drops a credential file anywhere on the panel, which the browser does not open", async () => {
    await page.getByRole("link", { name: "Import" }).click();
    const file = dialog().getByLabel("Choose the file, or drop it here");
    for (const place of ["textarea", ".panel-head", ".hint", "button"]) {
      await file.evaluate((input: HTMLInputElement) => {
        input.value = "";
      });
      await drop(JSON.stringify(door.fakes.files().codex), dialog().locator(place).first());
      expect(await file.evaluate((input: HTMLInputElement) => input.files?.length), place).toBe(1);
    }
    await dialog().getByRole("button", { name: "Import" }).click();
    await saved();
  });

  test("drags text into a field as everywhere", async () => {
    await page.getByRole("link", { name: "Import" }).click();
    const isLeftAlone = await dialog()
      .getByLabel("Or paste its content")
      .evaluate((field) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData("text/plain", "{}");
        return field.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      });
    expect(isLeftAlone).toBe(true);
  });

  test("imports an API key and tokens", async () => {
    await page.getByRole("link", { name: "Import" }).click();
    await dialog().getByRole("link", { name: "API key" }).click();
    await dialog().getByLabel("Provider").selectOption("claude");
    await dialog().getByLabel("API key").fill(door.fakes.claude.issueApiKey());
    await dialog().getByLabel("Name (optional)").fill("Console");
    await dialog().getByRole("button", { name: "Import" }).click();
    await saved("The account is saved", "The provider accepts the key.");
    await done();
    await card("Console").waitFor();

    await page.getByRole("link", { name: "Import" }).click();
    await dialog().getByRole("link", { name: "Tokens" }).click();
    await dialog().getByLabel("Provider").selectOption("copilot");
    await dialog().getByRole("button", { name: "Import" }).click();
    await dialog().getByText("Enter an access token, a refresh token, or both.").waitFor();
    expect(await dialog().getByLabel("Provider").inputValue()).toBe("copilot");
    await dialog()
      .getByLabel("Access token", { exact: true })
      .fill(door.fakes.copilot.issueTokens().accessToken);
    await dialog().getByRole("button", { name: "Import" }).click();
    await saved();
  });
});

/** Drops a file as the desktop would. */
async function drop(content: string, place = page.locator("[data-drop]")): Promise<void> {
  const transfer = await page.evaluateHandle((text) => {
    const made = new DataTransfer();
    made.items.add(new File([text], "auth.json", { type: "application/json" }));
    return made;
  }, content);
  await place.dispatchEvent("dragover", { dataTransfer: transfer });
  expect(await page.locator("[data-drop]").getAttribute("class")).toContain("is-over");
  const isOpened = await place.evaluate(
    (element, dataTransfer) =>
      element.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })),
    transfer,
  );
  expect(isOpened).toBe(false);
}
