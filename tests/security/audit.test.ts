/** Every route of the owner's that changes something leaves a line of who changed what, and none holds a secret. */
import { expect, test } from "vitest";

import { field, type SignIns, startSignIns } from "../oauth/sign-in.ts";
import { importsOf } from "../support/accounts.ts";
import type { Answer } from "../support/requests.ts";
import { AUTHORITY } from "./authority.ts";

/** Writing routes that change nothing, and why. */
const CHANGE_NOTHING: Readonly<Record<string, string>> = {
  "POST /admin/explain": "says how a request would be decided",
};

interface Owner {
  readonly kleis: SignIns;
  readonly cookie: string;
  readonly accounts: readonly [string, string];
  /** An issued key's id; a new one each time. */
  key(): Promise<string>;
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  form(path: string, fields?: Record<string, string>): Promise<Response>;
}

/** Uses the route with success; returns the action and the target that its line is to name. */
type Use = (owner: Owner) => Promise<[action: string, target?: string]>;

async function signIn({ kleis, api }: Owner) {
  const started = await api("POST", "/accounts/copilot/oauth/start", {});
  kleis.fakes.copilot.approveDevice(field(started, "user_code"));
  await kleis.clock.advance(6_000);
  return { started, state: field(started, "state") };
}

const onAccount =
  (action: string, path: string): Use =>
  async ({ api, accounts: [, id] }) => {
    expect((await api("POST", `/accounts/${id}/${path}`)).status).toBe(200);
    return [action, id];
  };

const button =
  (action: string, name: string): Use =>
  async ({ form, accounts: [, id] }) => {
    expect((await form(`/accounts/${id}/${name}`)).headers.get("location")).toContain(`done=${name}`);
    return [action, id];
  };

/** A further account's id. */
async function another({ kleis, api }: Owner): Promise<string> {
  const { json } = await api("POST", "/accounts/import", importsOf(kleis.fakes).openaiKey);
  return (json.accounts as { id: string }[])[0]?.id ?? "";
}

/** The id of the newest account. */
async function newest({ kleis }: Owner): Promise<string> {
  return (await kleis.storage.accounts.list()).at(-1)?.id ?? "";
}

const CHECK = /name="account" value="([^"]+)"[\s\S]*?name="requests" value="(\d+)"/;

const USES: Readonly<Record<string, Use>> = {
  "POST /admin/login": async ({ kleis }) => {
    await kleis.login();
    return ["session.open"];
  },
  "POST /admin/logout": async ({ kleis }) => {
    const cookie = await kleis.login();
    await kleis.browse("/admin/logout", { cookie, form: {} });
    return ["session.close"];
  },
  "POST /admin/accounts/import": async ({ api, kleis }) => {
    const apiKey = kleis.fakes.codex.issueApiKey();
    const body = { provider: "codex", kind: "api_key", api_key: apiKey };
    const { json } = await api("POST", "/accounts/import", body);
    return ["account.import", (json.accounts as { id: string }[])[0]?.id ?? ""];
  },
  "POST /admin/accounts/:id/primary": onAccount("account.primary", "primary"),
  "POST /admin/accounts/:id/refresh": onAccount("account.refresh", "refresh"),
  "POST /admin/accounts/:id/uncool": onAccount("account.uncool", "uncool"),
  "PATCH /admin/accounts/:id": async ({ api, accounts: [id] }) => {
    expect((await api("PATCH", `/accounts/${id}`, { label: "Mine" })).status).toBe(200);
    return ["account.update", id];
  },
  "DELETE /admin/accounts/:id": async (owner) => {
    const id = await another(owner);
    expect((await owner.api("DELETE", `/accounts/${id}`)).status).toBe(200);
    return ["account.remove", id];
  },
  "POST /admin/accounts/:provider/oauth/start": async ({ api }) => {
    expect((await api("POST", "/accounts/copilot/oauth/start", {})).status).toBe(200);
    return ["signin.start", "copilot"];
  },
  "POST /admin/accounts/:provider/oauth/complete": async (owner) => {
    const { state } = await signIn(owner);
    const done = await owner.api("POST", "/accounts/copilot/oauth/complete", { state });
    return ["account.connect", (done.json.account as { id: string }).id];
  },
  "POST /admin/keys": async ({ api }) => {
    const { json } = await api("POST", "/keys", { label: "Laptop" });
    return ["key.issue", String(json.id)];
  },
  "PATCH /admin/keys/:id": async ({ api, key }) => {
    const id = await key();
    expect((await api("PATCH", `/keys/${id}`, { failover: "never" })).status).toBe(200);
    return ["key.update", id];
  },
  "PATCH /admin/providers/:id": async ({ api }) => {
    expect((await api("PATCH", "/providers/codex", { failover: "own_accounts" })).status).toBe(200);
    return ["policy.set", "codex"];
  },
  "POST /admin/keys/:id/revoke": async ({ api, key }) => {
    const id = await key();
    expect((await api("POST", `/keys/${id}/revoke`)).status).toBe(200);
    return ["key.revoke", id];
  },
  "POST /admin/keys/:id/reveal": async ({ api, key }) => {
    const id = await key();
    expect((await api("POST", `/keys/${id}/reveal`)).status).toBe(200);
    return ["key.reveal", id];
  },
  "POST /admin/live-checks": async ({ api }) => {
    const { json } = await api("GET", "/live-checks");
    const [first] = json.checks as { account: { id: string }; check: string }[];
    const body = { account: first?.account.id, check: first?.check };
    expect((await api("POST", "/live-checks", body)).status).toBe(200);
    return ["check.run", first?.account.id ?? ""];
  },
  "PUT /admin/models": async ({ api }) => {
    const models = [{ id: "swift", provider: "copilot", model: "gpt-5-mini" }];
    expect((await api("PUT", "/models", { models })).status).toBe(200);
    return ["models.set", "swift"];
  },
  "POST /admin/models/refresh": async ({ api }) => {
    expect((await api("POST", "/models/refresh")).status).toBe(200);
    return ["models.refresh"];
  },

  "POST /admin/page/accounts/:id/primary": button("account.primary", "primary"),
  "POST /admin/page/accounts/:id/refresh": button("account.refresh", "refresh"),
  "POST /admin/page/accounts/:id/uncool": button("account.uncool", "uncool"),
  "POST /admin/page/policy/:provider": async ({ form }) => {
    await form("/policy/codex", { failover: "off", stop_on_extra_usage: "yes" });
    return ["policy.set", "codex"];
  },
  "POST /admin/page/accounts/:id/disable": button("account.update", "disable"),
  "POST /admin/page/accounts/:id/enable": button("account.update", "enable"),
  "POST /admin/page/accounts/:id/remove": async (owner) => {
    const id = await another(owner);
    await owner.form(`/accounts/${id}/remove`);
    return ["account.remove", id];
  },
  "POST /admin/page/accounts/:id/rename": async ({ form, accounts: [id] }) => {
    await form(`/accounts/${id}/rename`, { label: "Ours" });
    return ["account.update", id];
  },
  "POST /admin/page/connect/:provider/start": async ({ form }) => {
    await form("/connect/copilot/start");
    return ["signin.start", "copilot"];
  },
  "POST /admin/page/connect/:provider/check": async (owner) => {
    const { started, state } = await signIn(owner);
    const { url, user_code, expires_at } = started.json as Record<string, string>;
    const fields = { state, url: url ?? "", user_code: user_code ?? "", expires_at: String(expires_at) };
    await owner.form("/connect/copilot/check", { ...fields, method: "device", interval: "5" });
    return ["account.connect", await newest(owner)];
  },
  "POST /admin/page/connect/:provider/finish": async (owner) => {
    const { started, state } = await signIn(owner);
    const { url, user_code, expires_at } = started.json as Record<string, string>;
    const fields = { state, url: url ?? "", user_code: user_code ?? "", expires_at: String(expires_at) };
    await owner.form("/connect/copilot/finish", { ...fields, method: "device", interval: "5" });
    return ["account.connect", await newest(owner)];
  },
  "POST /admin/page/import": async (owner) => {
    const apiKey = owner.kleis.fakes.codex.issueApiKey();
    await owner.form("/import", { kind: "api_key", provider: "codex", api_key: apiKey });
    return ["account.import", await newest(owner)];
  },
  "POST /admin/page/keys": async ({ form, kleis }) => {
    await form("/keys", { label: "From the page", lifetime: "never" });
    const keys = await kleis.storage.keys.list({ limit: 1 });
    return ["key.issue", keys?.entries[0]?.id ?? ""];
  },
  "POST /admin/page/keys/:id/revoke": async ({ form, key }) => {
    const id = await key();
    await form(`/keys/${id}/revoke`);
    return ["key.revoke", id];
  },
  "POST /admin/page/keys/:id/reveal": async ({ form, key }) => {
    const id = await key();
    await form(`/keys/${id}/reveal`);
    return ["key.reveal", id];
  },
  "POST /admin/page/use": async ({ form, key }) => {
    const id = await key();
    await form("/use", { key: id });
    return ["key.reveal", id];
  },
  "POST /admin/page/use/test": async ({ form, key }) => {
    const id = await key();
    await form("/use/test", { key: id });
    return ["key.test", id];
  },
  "POST /admin/page/live-checks": async ({ form, kleis, cookie }) => {
    const page = await (await kleis.browse("/admin/page/live-checks", { cookie })).text();
    const [, account = "", requests = ""] = CHECK.exec(page) ?? [];
    await form("/live-checks", { account, requests, agreed: "yes" });
    return ["check.run", account];
  },
  "POST /admin/page/models": async ({ form }) => {
    await form("/models", { id: "swifter", provider: "copilot", model: "gpt-5-mini" });
    return ["models.set", "swifter"];
  },
  "POST /admin/page/models/remove": async ({ form }) => {
    await form("/models/remove", { id: "swifter" });
    return ["models.set"];
  },
  "POST /admin/page/models/refresh": async ({ form }) => {
    await form("/models/refresh");
    return ["models.refresh"];
  },
};

const WRITING = [...AUTHORITY].filter(
  ([route, authority]) => ["admin", "form", "login"].includes(authority) && !route.startsWith("GET "),
);

async function startOwner(): Promise<Owner> {
  const kleis = await startSignIns();
  const cookie = await kleis.login();
  const api: Owner["api"] = (method, path, body) =>
    kleis.clock.pass(kleis.admin(method, `/admin${path}`, body));
  const ids: string[] = [];
  const { codex, claude } = importsOf(kleis.fakes);
  for (const body of [codex, claude]) {
    const { json, text } = await api("POST", "/accounts/import", body);
    ids.push((json.accounts as { id: string }[] | undefined)?.[0]?.id ?? text);
  }
  const [first = "", second = ""] = ids;
  return {
    kleis,
    cookie,
    accounts: [first, second],
    key: async () => (await kleis.key()).record.id,
    api,
    form: (path, form = {}) => kleis.clock.pass(kleis.browse(`/admin/page${path}`, { cookie, form })),
  };
}

test("every writing route is used here, and leaves one line that says who, what and on what", async () => {
  const owner = await startOwner();
  const { kleis, api } = owner;
  const lines = async () => {
    const { json } = await api("GET", "/audit");
    return json.audit as Record<string, unknown>[];
  };
  const wrong: string[] = [];
  for (const [route, authority] of WRITING) {
    if (CHANGE_NOTHING[route] !== undefined) continue;
    const use = USES[route];
    if (use === undefined) {
      wrong.push(`${route}: is not used here`);
      continue;
    }
    const before = new Set((await lines()).map(({ id }) => id));
    const [action, target = null] = await use(owner);
    const by = authority === "admin" || route === "POST /admin/login" ? "admin token" : "session";
    const left = (await lines()).filter(({ id }) => !before.has(id));
    const isThere = left.some(
      (line) => line.action === action && line.target === target && line.by === by && line.at !== undefined,
    );
    if (!isThere) wrong.push(`${route}: ${by} ${action} ${target} is not in ${JSON.stringify(left)}`);
  }
  expect(wrong).toEqual([]);
  expect(Object.keys({ ...USES, ...CHANGE_NOTHING }).filter((route) => !AUTHORITY.has(route))).toEqual([]);

  const text = JSON.stringify(await lines());
  for (const { id } of await kleis.storage.accounts.list()) {
    const secrets = Object.values((await kleis.storage.accounts.secrets(id)) ?? {});
    for (const secret of secrets) if (secret !== null) expect(text).not.toContain(secret);
  }
  expect(text).not.toMatch(/kleis_|sk-|gho_|planted/);
}, 60_000);

test("a change succeeds while its line cannot be stored, and the line comes later", async () => {
  const owner = await startOwner();
  const { kleis, api, accounts } = owner;
  await kleis.settled();
  // Lines of one moment have no order.
  await kleis.clock.advance(1);
  const { add } = kleis.storage.audit;
  kleis.storage.audit.add = () => Promise.reject(new Error("away"));
  expect((await api("PATCH", `/accounts/${accounts[0]}`, { label: "Away" })).status).toBe(200);
  await kleis.settled();
  expect(kleis.log()).toContain("audit_not_written");
  kleis.storage.audit.add = add;
  const { json } = await api("GET", "/audit?limit=1");
  expect(json.audit).toMatchObject([
    { action: "account.update", target: accounts[0], detail: { label: "Away" }, by: "admin token" },
  ]);
  expect(json.has_more).toBe(true);
});
