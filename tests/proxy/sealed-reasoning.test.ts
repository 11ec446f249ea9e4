/** Sealed reasoning that another account made: after that one refusal the request is sent once more without it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Reply } from "../fakes/index.ts";
import { type WireAnswer, wire } from "../http/wire.ts";
import { connectAll, type Door, openDoor } from "../support/door.ts";

let door: Door;
let key: string;

beforeAll(async () => {
  door = await openDoor();
  await connectAll(door);
  key = await door.key();
});
afterAll(() => door.close());
afterEach(() => {
  for (const fake of [door.fakes.codex, door.fakes.copilot]) expect(fake.clear()).toBe(0);
  expect(door.fakes.violations()).toEqual([]);
});

const sealed = { type: "reasoning", summary: [], encrypted_content: "AAA" };
const said = { role: "user", content: "go on" };
const spoke = { role: "assistant", content: "well" };
const thought = { type: "thinking", thinking: "hm", signature: "c2ln" };
const redacted = { type: "redacted_thinking", data: "AAA" };
const words = { type: "text", text: "well" };
const text = (message: string, code = "invalid_request_body") => ({ error: { message, code } });

const INPUT = { with: [said, sealed, spoke, sealed, said], without: [said, spoke, said] };
const MESSAGES = {
  with: [
    said,
    { role: "assistant", content: [thought, words] },
    said,
    { role: "assistant", content: [thought, redacted] },
    said,
  ],
  without: [said, { role: "assistant", content: [words] }, said, said],
};
const CHAT = {
  with: [said, { ...spoke, reasoning_opaque: "AAA", reasoning_text: "hm" }, said],
  without: [said, spoke, said],
};

/** Where sealed reasoning goes up, what it is refused with, and what the request holds with it and without. */
const WAYS: [
  string,
  "codex" | "copilot",
  string,
  string,
  { with: object[]; without: object[] },
  object,
  object,
][] = [
  [
    "a ChatGPT plan",
    "codex",
    "/codex/v1/responses",
    "input",
    INPUT,
    { model: "gpt-5.5", instructions: "Be brief." },
    text("The encrypted content AAA could not be verified.", "invalid_encrypted_content"),
  ],
  [
    "Copilot's responses",
    "copilot",
    "/copilot/v1/responses",
    "input",
    INPUT,
    { model: "gpt-5.5" },
    text("Encrypted content item_id did not match the target item id"),
  ],
  [
    "Copilot's messages",
    "copilot",
    "/copilot/v1/messages",
    "messages",
    MESSAGES,
    { model: "claude-sonnet-5", max_tokens: 9 },
    text("messages.1.content.0: Invalid `signature` in `thinking` block"),
  ],
  [
    "Copilot's chat",
    "copilot",
    "/copilot/v1/chat/completions",
    "messages",
    CHAT,
    { model: "gpt-5-mini" },
    text("reasoning_opaque could not be read"),
  ],
];

describe.each(WAYS)("%s", (_name, provider, path, member, held, rest, refusal) => {
  const ask = (items: object[], stream: boolean): Promise<WireAnswer> =>
    wire(door.url + path, { headers: { "x-api-key": key }, body: { ...rest, [member]: items, stream } });
  const refused: Reply = { status: 400, body: refusal };
  const sentSince = (count: number) =>
    door.fakes[provider].inference.slice(count).map(({ json }) => (json as Record<string, unknown>)[member]);

  test.each([true, false])("is sent again without it (streaming: %s)", async (stream) => {
    const fake = door.fakes[provider];
    const before = fake.inference.length;
    fake.script(refused, "text");
    const answer = await ask(held.with, stream);
    expect(answer.status).toBe(200);
    expect(sentSince(before)).toEqual([held.with, held.without]);
    expect(String(answer.headers["x-kleis-changes"]).split(",")).toContain(`${provider}-sealed`);
  });

  test("is sent again only once, and the second refusal reaches the client", async () => {
    const fake = door.fakes[provider];
    const before = fake.inference.length;
    fake.script(refused, refused);
    const answer = await ask(held.with, true);
    expect(answer.status).toBe(400);
    expect(sentSince(before)).toEqual([held.with, held.without]);
  });

  test("is not sent again without a reason", async () => {
    const fake = door.fakes[provider];
    const before = fake.inference.length;
    fake.script({ status: 400, body: text("Some other fault") }, { ...refused, status: 500 }, refused);
    const other = await ask(held.with, true);
    expect(other.status).toBe(400);
    expect(other.text).toContain("Some other fault");
    expect((await ask(held.with, true)).status).toBe(500);
    const nothing = await ask(held.without, true);
    expect(nothing.status).toBe(400);
    expect(String(nothing.headers["x-kleis-changes"])).not.toContain("sealed");
    expect(sentSince(before)).toEqual([held.with, held.with, held.without]);
  });
});

test("where nothing would be left without it, the refusal reaches the client", async () => {
  const { codex } = door.fakes;
  const before = codex.inference.length;
  codex.script({ status: 400, body: text("x", "invalid_encrypted_content") });
  const answer = await wire(`${door.url}/codex/v1/responses`, {
    headers: { "x-api-key": key },
    body: { model: "gpt-5.5", instructions: "Be brief.", input: [sealed] },
  });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("invalid_encrypted_content");
  expect(codex.inference.length - before).toBe(1);
});
