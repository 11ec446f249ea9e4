/** A real Chromium for tests of the page, and a visit to it that notices everything that should not happen. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { packagedBrowser } from "../support/packaged-browser.ts";

const CANDIDATES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

/** `CHROME_PATH`, the browser of the packages, or one where systems and Playwright keep it. */
function findBrowser(): { executablePath: string; env?: Record<string, string> } {
  const named = process.env.CHROME_PATH;
  if (named) {
    if (existsSync(named)) return { executablePath: named };
    throw new Error(`CHROME_PATH names ${named}, and nothing is there.`);
  }
  const packaged = packagedBrowser();
  if (packaged !== null) return packaged;
  const installed = [...CANDIDATES, chromium.executablePath()].find((path) => existsSync(path));
  if (installed !== undefined) return { executablePath: installed };
  throw new Error(
    "The tests of the admin page need Chromium or Chrome and found none. Install one (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium), or set CHROME_PATH to one.",
  );
}

export function openBrowser(): Promise<Browser> {
  const { executablePath, env } = findBrowser();
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu"],
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
  });
}

export const DESKTOP = { width: 1200, height: 800 };
export const PHONE = { width: 390, height: 844 };

export interface VisitOptions {
  viewport?: { width: number; height: number };
  colorScheme?: "light" | "dark";
  /** False for a browser without JavaScript. */
  scripts?: boolean;
}

export interface Visit {
  readonly page: Page;
  /** Goes to a path of the deployment. */
  go(path: string): Promise<void>;
  /** Logs in at the page. */
  login(token: string): Promise<void>;
  /** Is logged in already, and sees the accounts. */
  enter(token: string): Promise<void>;
  /** Console errors that are meant to be there (a refused login is one); each is forgiven once. */
  forgive(pattern: RegExp): void;
  /** Fails when the browser complained, asked another host, met the policy, or a script broke. */
  clean(): Promise<void>;
  /** Runs axe-core, all of it or one rule, on what is shown; fails with what it found. */
  accessible(rule?: string): Promise<void>;
  close(): Promise<void>;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { viewport = DESKTOP, colorScheme = "light", scripts = true } = options;
  const context = await browser.newContext({
    viewport,
    colorScheme,
    javaScriptEnabled: scripts,
    permissions: ["clipboard-read", "clipboard-write"],
    reducedMotion: "reduce",
  });
  const complaints: string[] = [];
  const forgiven: RegExp[] = [];
  const page = await context.newPage();
  await page.route("**/*", (route) => {
    const asked = new URL(route.request().url());
    if (asked.origin === url || ["data:", "blob:"].includes(asked.protocol)) return route.continue();
    complaints.push(`asked another host: ${asked.origin}`);
    return route.abort();
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(`script broke: ${error.message}`));
  page.setDefaultTimeout(45_000);

  return {
    page,
    async go(path) {
      await page.goto(url + path);
    },
    async login(token) {
      await page.goto(`${url}/admin`);
      await page.getByLabel("Admin token").fill(token);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("heading", { level: 1, name: "Accounts" }).waitFor();
    },
    async enter(token) {
      const headers = { "content-type": "application/json", origin: url };
      const answer = await fetch(`${url}/admin/login`, {
        method: "POST",
        headers,
        body: JSON.stringify({ token }),
      });
      const [name = "", value = ""] =
        (answer.headers.getSetCookie()[0] ?? "").split(";")[0]?.split("=") ?? [];
      await context.addCookies([{ name, value, url, sameSite: "Strict", httpOnly: true }]);
      await page.goto(`${url}/admin`);
    },
    forgive: (pattern) => void forgiven.push(pattern),
    async clean() {
      const left = complaints.filter((complaint) => {
        const at = forgiven.findIndex((pattern) => pattern.test(complaint));
        if (at >= 0) forgiven.splice(at, 1);
        return at < 0;
      });
      expect(left).toEqual([]);
    },
    async accessible(rule) {
      // Evaluated, not added: the page's own policy lets no other script in.
      await page.evaluate(AXE);
      const found = await page.evaluate<string[]>(
        `axe.run(${rule === undefined ? "" : JSON.stringify({ runOnly: [rule] })}).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
      );
      expect(found, page.url()).toEqual([]);
    },
    close: () => context.close(),
  };
}
