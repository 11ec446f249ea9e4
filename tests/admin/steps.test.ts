/** The steps of a sign-in as forms, where a browser adds nothing: who carries what from one to the next. */
import { expect, onTestFinished, test } from "vitest";
import { nodeFetch } from "../../adapters/node/fetch.ts";
import type { CallbackOptions } from "../../src/runtime.ts";
import { startFakes } from "../fakes/index.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";

async function startSignIn() {
  const fakes = await startFakes();
  onTestFinished(() => fakes.close());
  const wishes: CallbackOptions[] = [];
  const kleis = await startKleis({
    env: fakes.env,
    network: nodeFetch,
    more: {
      listenForCallback: async (wish) => {
        wishes.push(wish);
        return { extend: () => {}, close: () => {} };
      },
    },
  });
  kleis.clock.ms = Date.now();
  return { kleis, fakes, wishes, cookie: await kleis.login() };
}

/** The hidden fields of a page's forms, which carry the sign-in on. */
function carried(page: string): Record<string, string> {
  const fields = page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
  return Object.fromEntries(
    [...fields].map(([, name = "", value = ""]) => [name, value.replaceAll("&amp;", "&")]),
  );
}

async function post(
  kleis: Kleis,
  cookie: string,
  path: string,
  form: Record<string, string>,
): Promise<string> {
  const answer = await kleis.browse(`/admin/page/connect/${path}`, { cookie, form });
  expect(answer.status).toBe(200);
  return answer.text();
}

test("a browser that comes back to this machine ends the sign-in, while the page waits for it", async () => {
  const { kleis, fakes, wishes, cookie } = await startSignIn();
  const begun = await post(kleis, cookie, "codex/start", { mode: "browser" });
  expect(begun).toContain("Kleis waits for your browser to come back by itself.");
  expect(begun).toContain('data-poll="2"');
  const fields = carried(begun);
  const early = await post(kleis, cookie, "codex/check", fields);
  expect(early).toContain('data-poll="2"');
  expect(early).toContain("Not yet: your browser has not come back to Kleis.");

  const callback = new URL(fakes.codex.authorize(fields.url ?? ""));
  await wishes[0]?.receive(callback.search.slice(1));
  const ended = await post(kleis, cookie, "codex/check", fields);
  expect(ended).toContain("The account is connected");
  expect(ended).toContain("owner@example.org");
});

test("nothing secret of a sign-in is in the page: no verifier, no device code", async () => {
  const { kleis, fakes, cookie } = await startSignIn();
  const page = await post(kleis, cookie, "copilot/start", {});
  expect(Object.keys(carried(page)).sort()).toEqual([
    "expires_at",
    "interval",
    "method",
    "state",
    "url",
    "user_code",
  ]);
  const sent = fakes.copilot.requests.find(({ path }) => path === "/login/device/code");
  expect(sent).toBeDefined();
  expect(page).not.toMatch(/device_code|verifier/);
});

test("a link that is not an http(s) URL is never shown", async () => {
  const { kleis, cookie } = await startSignIn();
  const fields = { ...carried(await post(kleis, cookie, "copilot/start", {})) };
  for (const url of ["javascript:alert(1)", "data:text/html,x", "http://evil.example/", "//x", ""]) {
    const answer = await kleis.browse("/admin/page/connect/copilot/check", {
      cookie,
      form: { ...fields, url },
    });
    expect(answer.status, url).toBe(404);
    expect(await answer.text()).not.toContain("evil.example");
  }
});

test("an expired sign-in says so and links to a new one", async () => {
  const { kleis, cookie } = await startSignIn();
  const fields = carried(await post(kleis, cookie, "claude/start", { mode: "max" }));
  kleis.clock.ms += 16 * 60_000;
  const over = await post(kleis, cookie, "claude/finish", { ...fields, code: "x#y" });
  expect(over).toContain("Claude is not connected");
  expect(over).toContain("older than 15 minutes");
  expect(over).toContain('href="/admin/page/connect/claude"');
});

test("a provider or a step that is not there is a page that says so", async () => {
  const { kleis, cookie } = await startSignIn();
  for (const [path, form] of [
    ["/admin/page/connect/nobody", undefined],
    ["/admin/page/connect/nobody/start", {}],
    ["/admin/page/connect/claude/finish", { state: "x" }],
    ["/admin/page/accounts/acc_none/rename", undefined],
    ["/admin/page/accounts/acc_none/remove", undefined],
    ["/admin/page/keys/key_none/revoke", undefined],
    ["/admin/page/keys/key_none/reveal", {}],
  ] as const) {
    const answer = await kleis.browse(path, { cookie, ...(form === undefined ? {} : { form }) });
    expect(answer.status, path).toBe(404);
    expect(await answer.text()).toContain("There is no such");
  }
});
