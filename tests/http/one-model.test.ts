/** What a key's scope judges is what any reader of the body finds: one `model`, and every model that a tool names. */
import { expect, test } from "vitest";
import { issueKey } from "../../src/keys/issue.ts";
import { startSeededKleis } from "../security/kleis.ts";

const ALLOWED = "claude-sonnet-5";
const FORBIDDEN = "claude-opus-4-8";

/** Ways to write the member's name. */
const NAMES = [
  "model",
  "MODEL",
  "Model",
  "mODEl",
  "\\u006dodel",
  "mod\\u0065l",
  "\\u004dODEL",
  "m\\u006fde\\u006C",
];
const REST = '"max_tokens":9,"messages":[{"role":"user","content":"\\"model\\": {"}]';
const PATHS = [
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/claude/v1/messages",
  "/v1/chat/completions",
  "/v1/responses",
];

async function prepared() {
  const kleis = await startSeededKleis({
    network: async () => Response.json({ id: "msg_1", type: "message" }),
  });
  const scoped = await issueKey(kleis.runtime, { label: "scoped", models: [ALLOWED] });
  const post = async (body: string, key = scoped.key, path = "/v1/messages") => {
    const before = kleis.inference().length;
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const answer = await kleis.request(path, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text(), sent: kleis.inference().length - before };
  };
  return { ...kleis, post };
}

test("a second model is refused, however its name is written and wherever it stands", async () => {
  const { post, keys } = await prepared();
  for (const name of NAMES) {
    for (const value of [`"${ALLOWED}"`, `"${FORBIDDEN}"`, "null", '{"model":1}']) {
      for (const body of [
        `{"model":"${ALLOWED}",${REST},"${name}":${value}}`,
        `{"${name}":${value},${REST},"model":"${ALLOWED}"}`,
        ` { "model" : "${ALLOWED}" , "${name}" : ${value} , ${REST} } `,
      ]) {
        for (const key of [undefined, keys.live.key]) {
          const { status, text, sent } = await post(body, key);
          expect([status, sent], body).toEqual([400, 0]);
          expect(text).toContain("more than one `model`");
        }
      }
    }
  }
  for (const path of PATHS) {
    const { status, sent } = await post(`{"model":"x",${REST},"MODEL":"y"}`, keys.live.key, path);
    expect([status, sent], path).toEqual([400, 0]);
  }
});

test("a member of that name elsewhere in the body is none of it", async () => {
  const { post } = await prepared();
  const tool =
    '{"name":"task","input_schema":{"type":"object","properties":{"model":{"type":"string"},"MODEL":{}}}}';
  for (const more of [
    `"tools":[${tool},${tool}]`,
    '"metadata":{"model":"a","Model":"b"}',
    '"\\u006dodels":1,"models":[{"model":"x"},{"model":"y"}]',
    '"system":"\\"model\\":\\"x\\",\\"model\\":\\"y\\" \\u006d"',
  ]) {
    const { status, sent, text } = await post(`{"model":"${ALLOWED}",${REST},${more}}`);
    expect([status, sent], more + text).toEqual([200, 1]);
  }
});

test("a key's scope holds for the models of tools, in whatever order and depth", async () => {
  const { post, keys } = await prepared();
  const advisor = (members: string) => `{"type":"advisor","name":"advisor",${members}}`;
  const inTools = (tool: string) => [
    `"tools":[${tool}]`,
    `"tools":[{"name":"f","input_schema":{}},${tool}]`,
    `"tools":[{"type":"namespace","name":"n","tools":[${tool}]}]`,
    `"tools":[${tool}],"tools":[]`,
    `"Tools":[${tool}]`,
    `"input":[{"type":"additional_tools","tools":[${tool}]}]`,
  ];
  for (const name of NAMES) {
    for (const members of [
      `"${name}":"${FORBIDDEN}"`,
      `"${name}":"${FORBIDDEN}","model":"${ALLOWED}"`,
      `"model":"${ALLOWED}","${name}":"${FORBIDDEN}"`,
    ]) {
      for (const more of inTools(advisor(members))) {
        const body = `{"model":"${ALLOWED}",${REST},${more}}`;
        const refused = await post(body);
        expect([refused.status, refused.sent], body).toEqual([403, 0]);
        expect(refused.text).toContain("key_scope");
        expect(refused.text).toContain(FORBIDDEN);
      }
    }
  }
  for (const more of inTools(advisor(`"model":"Claude-Sonnet-5[1m]"`))) {
    expect(await post(`{"model":"${ALLOWED}",${REST},${more}}`), more).toMatchObject({
      status: 200,
      sent: 1,
    });
  }
  // A key without a scope of models may let its tools ask what they like.
  const free = `{"model":"${ALLOWED}",${REST},"tools":[${advisor(`"model":"${FORBIDDEN}"`)}]}`;
  expect(await post(free, keys.live.key)).toMatchObject({ status: 200, sent: 1 });
});
