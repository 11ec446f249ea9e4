import { describe, expect, it } from "vitest";
import { USER_AGENT } from "../../src/version.ts";
import { CONFIG, configOf, IDENTITY, send } from "./claude-fixture.ts";

const BODY = { model: "claude-sonnet-4-6", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
const OAUTH = "oauth-2025-04-20";
const THINKING = "interleaved-thinking-2025-05-14";

describe("a request with an API key", () => {
  const body = `{ "model":"claude-sonnet-4-6", "seed":12345678901234567890,
    "system":"You are OpenCode", "betas":["x-1"], "tools":[{"name":"read","input_schema":{}}],"stream":true}`;

  it("reaches Anthropic byte for byte, with no rewriter on the way back", async () => {
    const { request, text, changes } = await send({ body, kind: "api_key" });
    expect(text).toBe(body);
    expect(request.edits).toEqual([]);
    expect(changes).toEqual([]);
    expect(request.response).toEqual({ sendsKeepAlive: true });
    expect(request.streams).toBe(true);
  });

  it("carries the key and exactly the client's Anthropic headers", async () => {
    const { headers, request } = await send({
      body,
      kind: "api_key",
      query: "foo=1",
      headers: {
        authorization: "Bearer kleis_secret",
        "x-api-key": "kleis_secret",
        cookie: "a=b",
        origin: "https://page.example",
        "user-agent": "some-agent/1",
        "x-app": "cli",
        "x-forwarded-for": "10.0.0.1",
        "accept-encoding": "gzip",
        accept: "text/event-stream",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "b-2, a-1",
        "anthropic-new-thing": "yes",
      },
    });
    expect(headers).toEqual({
      "x-api-key": "sk-ant-api03-AAA",
      "anthropic-version": "2026-10-21",
      "anthropic-beta": "b-2, a-1",
      "anthropic-new-thing": "yes",
      accept: "text/event-stream",
      "accept-encoding": "identity",
      "content-type": "application/json",
      "user-agent": USER_AGENT,
    });
    expect(request.url).toBe("https://api.anthropic.com/v1/messages?foo=1");
  });

  it("names a version and no beta when the client names none", async () => {
    const { headers, request } = await send({ body, kind: "api_key" });
    expect(headers["anthropic-version"]).toBe("2023-06-01");
    expect(headers["anthropic-beta"]).toBeUndefined();
    expect(request.url).toBe("https://api.anthropic.com/v1/messages");
  });
});

describe("the address of a subscription request", () => {
  it.each([
    ["", "?beta=true"],
    ["beta=true", "?beta=true"],
    ["beta=false&x=1", "?beta=false&x=1"],
    ["x=a%20b&y", "?x=a%20b&y&beta=true"],
    ["alphabeta=1", "?alphabeta=1&beta=true"],
  ])("keeps the query %j and makes it %j", async (query, expected) => {
    const { request } = await send({ body: BODY, query });
    expect(request.url).toBe(`https://api.anthropic.com/v1/messages${expected}`);
  });

  it("is the operator's, for counting too", async () => {
    const config = { ...CONFIG, CLAUDE_API_URL: "http://127.0.0.1:9999/base" };
    const { request } = await send({ body: { ...BODY, stream: true }, operation: "count_tokens", config });
    expect(request.url).toBe("http://127.0.0.1:9999/base/v1/messages/count_tokens?beta=true");
    expect(request.streams).toBe(false);
  });

  it.each([
    [true, true],
    [false, false],
    ["true", false],
    [undefined, false],
  ])("expects a stream for stream: %j? %j", async (stream, streams) => {
    expect((await send({ body: { ...BODY, stream } })).request.streams).toBe(streams);
  });

  it("refuses a protocol that Claude does not speak and names the route that works", async () => {
    await expect(send({ body: BODY, operation: "chat" })).rejects.toMatchObject({
      code: "protocol_not_supported",
      message: expect.stringContaining("/v1/messages"),
    });
  });
});

describe("the headers of a subscription request", () => {
  it("are the bearer, the betas and Kleis's own name; nothing else of the client's", async () => {
    const { headers } = await send({
      body: BODY,
      headers: {
        authorization: "Bearer kleis_secret",
        "x-api-key": "kleis_secret",
        cookie: "a=b",
        host: "kleis.example",
        origin: "https://page.example",
        referer: "https://page.example/x",
        "cf-ray": "1",
        "x-vercel-id": "1",
        "x-forwarded-for": "10.0.0.1",
        "content-length": "12",
        "accept-encoding": "br",
        "user-agent": "opencode/1.0",
        "x-app": "cli",
        "x-stainless-lang": "js",
        "x-claude-code-session-id": "s",
      },
    });
    expect(headers).toEqual({
      authorization: "Bearer sk-ant-oat01-AAA",
      "anthropic-version": "2023-06-01",
      "anthropic-beta": `${OAUTH},${THINKING}`,
      accept: "application/json",
      "accept-encoding": "identity",
      "content-type": "application/json",
      "user-agent": USER_AGENT,
    });
  });

  it("keep every beta of the client, once, behind the required ones", async () => {
    const { headers } = await send({
      body: BODY,
      headers: {
        "anthropic-beta": ` new-thing-2027-01-01 ,, ${THINKING},context-1m-2025-08-07,new-thing-2027-01-01`,
      },
    });
    expect(headers["anthropic-beta"]).toBe(`${OAUTH},${THINKING},new-thing-2027-01-01,context-1m-2025-08-07`);
  });

  it("name only the OAuth beta when tokens are counted", async () => {
    const { headers } = await send({
      body: BODY,
      operation: "count_tokens",
      headers: { "anthropic-beta": "a-1" },
    });
    expect(headers["anthropic-beta"]).toBe(`${OAUTH},a-1`);
  });

  it("take over a betas field, which leaves the body and is declared", async () => {
    const body = '{"model":"m","betas":["a-1", "b-2"],"max_tokens":1,"system":""}';
    const { headers, text, changes } = await send({ body, headers: { "anthropic-beta": "b-2,c-3" } });
    expect(headers["anthropic-beta"]).toBe(`${OAUTH},${THINKING},b-2,c-3,a-1`);
    expect(text).toBe(`{"model":"m","max_tokens":1,"system":[{"type":"text","text":"${IDENTITY}"}]}`);
    expect(changes).toEqual(["claude-betas", "claude-identity"]);
  });

  it.each([["x"], [[1]], [["line\nbreak"]]])(
    "leave a betas field of another form (%j) for Anthropic to refuse",
    async (betas) => {
      const { headers, body } = await send({ body: { ...BODY, betas } });
      expect(body.betas).toEqual(betas);
      expect(headers["anthropic-beta"]).toBe(`${OAUTH},${THINKING}`);
    },
  );
});

describe("the system prompt of a subscription request", () => {
  const identity = { type: "text", text: IDENTITY };

  it.each([
    ["is absent", undefined, [identity]],
    ["is null", null, [identity]],
    ["is empty", "", [identity]],
    ["is a string", "Be kind.", [identity, { type: "text", text: "Be kind." }]],
    ["is a string of blanks", " \n", [identity]],
    ["is an empty list", [], [identity]],
  ])("gets the identity when it %s", async (_case, system, expected) => {
    const { body, changes } = await send({ body: { ...BODY, system } });
    expect(body.system).toEqual(expected);
    expect(changes).toEqual(["claude-identity"]);
  });

  it("keeps the client's blocks, their order and their cache_control, to the byte", async () => {
    const blocks =
      '{"type":"text", "cache_control":{"ttl":"1h","type":"ephemeral"},"text":"A\\u0041"} , {"type":"text","text":"B"}';
    const { text } = await send({ body: `{"system": [ ${blocks} ],"max_tokens":1e2}` });
    expect(text).toBe(`{"system": [ {"type":"text","text":"${IDENTITY}"},${blocks} ],"max_tokens":1e2}`);
  });

  it.each([IDENTITY, `${IDENTITY}\nBe brief.`])(
    "gets no second identity when its first block begins with one",
    async (text) => {
      const system = [
        { type: "text", text },
        { type: "text", text: "B" },
      ];
      const { body, changes } = await send({ body: { ...BODY, system } });
      expect(changes).toEqual([]);
      expect(body.system).toEqual(system);
    },
  );

  it.each([
    [IDENTITY, []],
    [`${IDENTITY}\n\n`, []],
    [`${IDENTITY}\n\nBe brief. `, ["\n\nBe brief. "]],
  ])(
    "that is a string with the identity in front, %j, becomes blocks with one identity",
    async (system, rest) => {
      const { body, changes } = await send({ body: { ...BODY, system } });
      expect(body.system).toEqual([identity, ...rest.map((text) => ({ type: "text", text }))]);
      expect(changes).toEqual(["claude-identity"]);
    },
  );

  it("has its product names normalised behind an identity in a string too", async () => {
    const { body, changes } = await send({ body: { ...BODY, system: `${IDENTITY} You are OpenCode.` } });
    expect(body.system).toEqual([identity, { type: "text", text: " You are Claude Code." }]);
    expect(changes).toEqual(["claude-identity", "claude-system-text"]);
  });

  it("has its product names normalised, in text blocks only, each change declared", async () => {
    const { body, changes } = await send({
      body: {
        ...BODY,
        messages: [{ role: "user", content: "opencode is OpenCode" }],
        system: [
          { type: "text", text: `${IDENTITY} You are OpenCode.` },
          { type: "text", text: "no name here" },
          {
            type: "text",
            text: "run opencode in /src/opencode-x, OPENCODE",
            cache_control: { type: "ephemeral" },
          },
        ],
      },
    });
    expect(body.system).toEqual([
      { type: "text", text: `${IDENTITY} You are Claude Code.` },
      { type: "text", text: "no name here" },
      { type: "text", text: "run Claude in /src/opencode-x, Claude", cache_control: { type: "ephemeral" } },
    ]);
    expect(body.messages).toEqual([{ role: "user", content: "opencode is OpenCode" }]);
    expect(changes).toEqual(["claude-system-text"]);
  });

  it("declares both changes when a string gets the identity and other names", async () => {
    const { body, changes } = await send({ body: { ...BODY, system: "You are opencode." } });
    expect(body.system).toEqual([identity, { type: "text", text: "You are Claude." }]);
    expect(changes).toEqual(["claude-identity", "claude-system-text"]);
  });

  it("is treated alike when tokens are counted", async () => {
    const asked = { ...BODY, system: "You are OpenCode.", tools: [{ name: "read" }, { name: "x" }] };
    const sent = await send({ body: asked });
    const counted = await send({ body: asked, operation: "count_tokens" });
    expect(counted.text).toBe(sent.text);
  });

  it("of a form that Anthropic refuses is left for it to refuse", async () => {
    expect((await send({ body: { ...BODY, system: 7 } })).body.system).toBe(7);
  });
});

describe("Claude Code itself", () => {
  const tools = [
    { name: "Read", input_schema: {} },
    { name: "customThing", input_schema: {} },
  ];
  const attributed = {
    ...BODY,
    system: [
      { type: "text", text: "x-anthropic-billing-header: v=1; OpenCode" },
      { type: "text", text: IDENTITY },
    ],
    tools,
  };
  const agent = "claude-cli/2.1.284 (external, cli)";

  it("is sent byte for byte, with its own name and betas", async () => {
    const { text, headers, changes, request } = await send({
      body: JSON.stringify(attributed, null, 1),
      headers: {
        "user-agent": agent,
        "x-app": "cli",
        authorization: "Bearer kleis_secret",
        "anthropic-beta": `claude-code-20250219,${OAUTH}, ${THINKING}`,
        "anthropic-dangerous-direct-browser-access": "true",
      },
    });
    expect(text).toBe(JSON.stringify(attributed, null, 1));
    expect(changes).toEqual([]);
    expect(request.response).toEqual({ sendsKeepAlive: true });
    expect(headers).toEqual({
      authorization: "Bearer sk-ant-oat01-AAA",
      "anthropic-version": "2023-06-01",
      "anthropic-beta": `claude-code-20250219,${OAUTH}, ${THINKING}`,
      "anthropic-dangerous-direct-browser-access": "true",
      accept: "application/json",
      "accept-encoding": "identity",
      "content-type": "application/json",
      "user-agent": agent,
      "x-app": "cli",
    });
  });

  it("gets the OAuth beta, and no other, when it did not name it", async () => {
    const { headers } = await send({
      body: attributed,
      headers: { "user-agent": agent, "anthropic-beta": "a-1,b-2" },
    });
    expect(headers["anthropic-beta"]).toBe(`${OAUTH},a-1,b-2`);
    expect((await send({ body: attributed })).headers["anthropic-beta"]).toBe(OAUTH);
  });

  it("is known by its name together with the identity among the first three texts", async () => {
    const system = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
      { type: "text", text: `${IDENTITY} more` },
    ];
    const known = await send({ body: { ...BODY, system, tools }, headers: { "user-agent": agent } });
    expect(known.changes).toEqual([]);
    const otherAgent = await send({ body: { ...BODY, system, tools }, headers: { "user-agent": "pi/1" } });
    expect(otherAgent.changes).toEqual(["claude-identity", "claude-tool-names"]);
    const fourth = await send({
      body: { ...BODY, system: [{ type: "text", text: "zero" }, ...system], tools },
      headers: { "user-agent": agent },
    });
    expect(fourth.changes).toEqual(["claude-identity", "claude-tool-names"]);
    expect(fourth.headers["user-agent"]).toBe(USER_AGENT);
  });

  it.each([
    "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
    "You are Claude Code, Anthropic's official CLI for Claude, running within the Claude Agent SDK.\n\nBe brief.",
  ])("is known without a terminal and without its attribution block: %s", async (first) => {
    const body = { ...BODY, system: [{ type: "text", text: first }], tools };
    const own = await send({ body, headers: { "user-agent": "claude-cli/2.1.330 (external, sdk-cli)" } });
    expect(own.changes).toEqual([]);
    const other = await send({ body, headers: { "user-agent": "pi/1" } });
    expect(other.changes).toEqual(["claude-identity", "claude-tool-names"]);
  });

  it("is known by blocks: a string with the identity becomes one, whatever the client calls itself", async () => {
    const { body, changes } = await send({
      body: { ...BODY, system: IDENTITY },
      headers: { "user-agent": agent },
    });
    expect(body.system).toEqual([{ type: "text", text: IDENTITY }]);
    expect(changes).toEqual(["claude-identity"]);
  });

  it("is not changed by what was prepared once already", async () => {
    const first = await send({ body: attributed, headers: { "user-agent": agent } });
    const again = await send({ body: first.text, headers: first.headers });
    expect(again.text).toBe(first.text);
    expect(again.headers).toEqual(first.headers);
  });
});

describe("the user-agent of a plan's request", () => {
  const PLANNED = "claude-cli/2.1.2 (external, cli)";
  const CODE = "claude-cli/2.1.330 (external, cli)";
  const attributed = { ...BODY, system: [{ type: "text", text: "x-anthropic-billing-header: v=1" }] };

  it.each([
    ["the plan's where nothing is set", {}, PLANNED],
    [
      "the operator's",
      { CLAUDE_USER_AGENT: "claude-cli/3.0.0 (external, cli)" },
      "claude-cli/3.0.0 (external, cli)",
    ],
    ["Kleis's own where it is empty", { CLAUDE_USER_AGENT: "" }, USER_AGENT],
  ])("is %s, and declared where it is not Kleis's", async (_case, environment, expected) => {
    const config = configOf(environment);
    for (const operation of ["messages", "count_tokens"] as const) {
      const sent = await send({ body: BODY, operation, config, headers: { "user-agent": "pi/1" } });
      expect(sent.headers["user-agent"]).toBe(expected);
      expect(sent.changes.includes("claude-user-agent")).toBe(expected !== USER_AGENT);
    }
    const key = await send({ body: BODY, kind: "api_key", config, headers: { "user-agent": "pi/1" } });
    expect(key.headers["user-agent"]).toBe(USER_AGENT);
    expect(key.changes).toEqual([]);
    const own = await send({ body: attributed, config, headers: { "user-agent": CODE } });
    expect(own.headers["user-agent"]).toBe(CODE);
    expect(own.changes).toEqual([]);
  });

  it("that no header could carry is refused at the start", () => {
    expect(() => configOf({ CLAUDE_USER_AGENT: "claude\u00e9" })).toThrow(/CLAUDE_USER_AGENT/);
  });
});
