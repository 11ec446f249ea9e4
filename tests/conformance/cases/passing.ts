/** Every protocol through every provider that speaks it, at once and as a stream, by the model's name and by prefix. */
import { expect } from "vitest";
import { type Dict, objectOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import { endsOf, eventsOf, PATH, type Protocol, request, streamedText, wholeText } from "../wire.ts";
import { type AccountName, lastAsked, type World } from "../world.ts";

interface Way {
  readonly account: AccountName;
  readonly provider: "claude" | "codex" | "copilot";
  readonly protocol: Protocol;
  readonly model: string;
  /** Where the provider is asked. */
  readonly upstream: string;
  /** An API key's body goes as it came. */
  readonly exact: boolean;
}

const WAYS: Way[] = [
  way("claude", "claude", "messages", "claude-sonnet-5", "/v1/messages"),
  way("claudeKey", "claude", "messages", "claude-sonnet-5", "/v1/messages"),
  way("codex", "codex", "responses", "gpt-5.5", "/backend-api/codex/responses"),
  way("openaiKey", "codex", "responses", "gpt-5.5", "/v1/responses"),
  way("openaiKey", "codex", "chat", "gpt-5.5", "/v1/chat/completions"),
  way("copilot", "copilot", "chat", "gpt-5-mini", "/chat/completions"),
  way("copilot", "copilot", "responses", "gpt-5.5", "/responses"),
  way("copilot", "copilot", "messages", "claude-sonnet-4.6", "/v1/messages"),
];

const SAID = "Grüße aus 東京 🧵 — “ok”";

function way(
  account: AccountName,
  provider: Way["provider"],
  protocol: Protocol,
  model: string,
  upstream: string,
): Way {
  return { account, provider, protocol, model, upstream, exact: account.endsWith("Key") };
}

async function pass(world: World, each: Way, stream: boolean, prefix: string): Promise<void> {
  const { account, provider, protocol, model, upstream } = each;
  const { id, key } = world.accounts[account];
  const body = request(protocol, model, SAID, stream);
  const response = await world.ask(prefix + PATH[protocol], body, { key });
  const text = await response.text();
  expect({ status: response.status, text: response.ok ? "" : text }).toEqual({ status: 200, text: "" });
  expect(response.headers.get("x-kleis-provider")).toBe(provider);
  expect(response.headers.get("x-kleis-account")).toBe(id);
  expect(response.headers.get("x-request-id")).toBeTruthy();
  expect(response.headers.get("content-encoding")).toBe(null);

  const asked = lastAsked(world.fakes[provider].inference);
  expect(asked.path).toBe(upstream);
  expect(asked.headers["accept-encoding"]).toBe("identity");
  expect(asked.headers["user-agent"]).toMatch(account === "claude" ? /^claude-cli\/2\.1\.2 / : /^kleis\//);
  if (each.exact) {
    expect(asked.body.toString()).toBe(JSON.stringify(body));
    expect(response.headers.get("x-kleis-changes")).toBe("none");
  }

  if (stream) {
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events = eventsOf(text);
    expect(streamedText(protocol, events)).toContain(SAID);
    const end = { messages: "message_stop", responses: "response.completed", chat: "[DONE]" };
    expect(endsOf(protocol, events)).toEqual([end[protocol]]);
  } else {
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(wholeText(protocol, objectOf(JSON.parse(text)) ?? {})).toContain(SAID);
  }
}

const KIND: Record<AccountName, string> = {
  claude: "a Claude subscription",
  claudeKey: "an Anthropic API key",
  codex: "a ChatGPT plan",
  openaiKey: "an OpenAI API key",
  copilot: "Copilot",
};

/** JSON as a person may write it: spaces, escapes, a number that no double holds. */
const ODD = `{ "model" : "claude-sonnet-5",\n\t"max_tokens":100, "metadata": {"n": 12345678901234567890, "e": "\\u00e9\\ud83e\\uddf5"},
  "messages":[ {"role":"user","content":"hi"} ] }\n`;

export const cases: Case[] = [
  ...WAYS.map((each) => ({
    area: "passing",
    name: `${each.protocol} through ${KIND[each.account]}, at once and as a stream`,
    async run(world: World) {
      await pass(world, each, false, "");
      await pass(world, each, true, "");
    },
  })),
  ...WAYS.map((each) => ({
    area: "passing",
    name: `${each.protocol} through ${KIND[each.account]}, by its prefix`,
    async run(world: World) {
      await pass(world, each, false, `/${each.provider}`);
      await pass(world, each, true, `/${each.provider}`);
    },
  })),
  {
    area: "passing",
    name: "the Kleis key goes to no provider, wherever a client has put it",
    async run({ ask, accounts, fakes }) {
      for (const { account, provider, protocol, model } of WAYS) {
        const { key } = accounts[account];
        const response = await ask(
          `${PATH[protocol]}?api_key=${key}&kept=1`,
          request(protocol, model, SAID, false),
          { key, headers: { accept: `x/${key}`, "anthropic-api-key": key } },
        );
        expect(response.status).toBe(200);
        await response.body?.cancel();
        const { query, headers } = lastAsked(fakes[provider].inference);
        expect(`${query}\n${JSON.stringify(headers)}`).not.toContain(key);
        if (account === "claudeKey") expect(query.toString()).toBe("kept=1");
      }
    },
  },
  {
    area: "passing",
    name: "tokens are counted before they are spent",
    async run({ ask, accounts }) {
      for (const name of ["claude", "claudeKey"] as const) {
        const {
          stream: _,
          max_tokens: __,
          ...body
        }: Dict = request("messages", "claude-sonnet-5", SAID, false);
        const response = await ask("/v1/messages/count_tokens", body, { key: accounts[name].key });
        expect(response.status).toBe(200);
        expect(await response.json()).toEqual({ input_tokens: expect.any(Number) });
      }
    },
  },
  {
    area: "passing",
    name: "a body that needs no change goes as the bytes that came",
    async run({ ask, accounts, fakes }) {
      const response = await ask("/v1/messages", ODD, { key: accounts.claudeKey.key });
      expect(response.status).toBe(200);
      await response.body?.cancel();
      expect(lastAsked(fakes.claude.inference).body.toString()).toBe(ODD);
    },
  },
  {
    area: "passing",
    name: "a model by another name reads the same name in the answer",
    async run({ ask, key }) {
      for (const stream of [false, true]) {
        const body = request("chat", "copilot/gpt-5-mini", SAID, stream);
        const response = await ask("/v1/chat/completions", body, { key });
        expect(response.headers.get("x-kleis-changes")).toContain("model-prefix");
        const text = await response.text();
        const first = stream ? eventsOf(text)[0]?.data : text;
        expect(objectOf(JSON.parse(first ?? ""))?.model).toBe("copilot/gpt-5-mini");
      }
    },
  },
  {
    area: "passing",
    name: "twenty-four requests at once are all answered, each with its own words",
    async run({ ask, accounts }) {
      const names: AccountName[] = ["claudeKey", "openaiKey", "copilot"];
      const all = Array.from({ length: 24 }, async (_, n) => {
        const each = WAYS.find(
          ({ account, protocol }) => account === names[n % 3] && protocol !== "responses",
        )!;
        const body = request(each.protocol, each.model, `number ${n} of many`, true);
        const response = await ask(PATH[each.protocol], body, { key: accounts[each.account].key });
        expect(response.status).toBe(200);
        expect(streamedText(each.protocol, eventsOf(await response.text()))).toContain(`number ${n} of many`);
      });
      await Promise.all(all);
    },
  },
];
