/** Renews the pictures in `docs/`: `npx tsx tests/admin/screenshots.ts`. Shows the stand-in providers, nothing real. */
import { resolve } from "node:path";
import { type Door, openDoor } from "../support/door.ts";
import { DESKTOP, openBrowser, PHONE, visit } from "./browser.ts";

const docs = (name: string) => resolve(import.meta.dirname, "../../docs", `${name}.png`);

async function furnish(door: Door): Promise<string> {
  const { claude, codex, copilot } = door.fakes;
  const tokens = codex.issueTokens({ email: "me@example.com" });
  await door.account({
    provider: "codex",
    kind: "oauth",
    label: "ChatGPT Plus",
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
  });
  await door.account({
    provider: "claude",
    kind: "api_key",
    label: "Console key",
    api_key: claude.issueApiKey(),
  });
  const login = claude.issueTokens();
  const plan = await door.account({
    provider: "claude",
    kind: "oauth",
    label: "Claude Max",
    access_token: login.accessToken,
    refresh_token: login.refreshToken,
    expires_at: login.expiresAt,
  });
  claude.token.script({ reply: { status: 400, body: { error: "invalid_grant" } } });
  await door.admin("POST", `/admin/accounts/${plan}/refresh`).catch(() => undefined);
  const seat = copilot.issueTokens();
  await door.account({
    provider: "copilot",
    kind: "oauth",
    label: "Copilot Pro",
    access_token: seat.accessToken,
  });
  const key = await door.admin<{ id: string }>("POST", "/admin/keys", { label: "Laptop" });
  await door.key({ label: "CI runner", providers: ["claude"] });
  return key.id;
}

const door = await openDoor({ env: { PORT: "4747" } });
const key = await furnish(door);
const browser = await openBrowser();
for (const [name, path, options] of [
  ["accounts", "/admin", { viewport: DESKTOP }],
  ["use", `/admin/page/use?key=${key}&agent=claude-code`, { viewport: DESKTOP, colorScheme: "dark" }],
  ["phone", "/admin/page/keys", { viewport: PHONE }],
] as const) {
  const owner = await visit(browser, door.url, options);
  await owner.enter(door.adminToken);
  await owner.go(path);
  if (name === "use") {
    await owner.page.getByRole("button", { name: "Test" }).click();
    await owner.page.locator("#test-result").waitFor();
    await owner.page.evaluate(() => window.scrollTo(0, 0));
  }
  await owner.page.screenshot({ path: docs(name), fullPage: name === "accounts" });
  await owner.close();
}
await browser.close();
await door.close();
process.exit(0);
