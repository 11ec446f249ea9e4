import { expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/json.ts";
import { ResponsesAggregator } from "../../src/protocols/responses/aggregate.ts";

const created = {
  type: "response.created",
  response: {
    id: "resp_1",
    object: "response",
    created_at: 1,
    status: "in_progress",
    model: "gpt-5.5",
    output: [],
    error: null,
    usage: null,
  },
};
const reasoning = { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "AAA" };
const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  content: [{ type: "output_text", text: "Hi", annotations: [] }],
};
const usage = { input_tokens: 5, output_tokens: 9, total_tokens: 14 };
const done = (output_index: number, item: Json) => ({
  type: "response.output_item.done",
  output_index,
  item,
});
const completed = (output: Json, more: JsonObject = {}) => ({
  type: "response.completed",
  response: { ...created.response, status: "completed", output, usage, ...more },
});

function aggregate(...events: (JsonObject | string)[]) {
  const aggregator = new ResponsesAggregator();
  for (const event of events) aggregator.add(typeof event === "string" ? event : JSON.stringify(event));
  const result = aggregator.result();
  const { ended } = aggregator;
  return result.ok ? { ...result, body: JSON.parse(result.json), ended } : { ...result, ended };
}

test("a complete last event is the response as it stands", () => {
  const last = completed([reasoning, message]);
  expect(aggregate(created, done(0, { ...reasoning, summary: ["other"] }), done(1, message), last)).toEqual({
    ok: true,
    status: 200,
    json: JSON.stringify(last.response),
    body: last.response,
    ended: true,
  });
});

test("an empty output is rebuilt in the order of its indices, not of arrival", () => {
  const answer = aggregate(created, done(1, message), done(0, reasoning), completed([]));
  expect(answer.body.output).toEqual([reasoning, message]);
  expect(answer.body.usage).toEqual(usage);
});

test("a missing output is rebuilt, and a response without items has an empty one", () => {
  const last = { type: "response.completed", response: { id: "resp_1", status: "completed" } };
  expect(aggregate(created, done(0, message), last).body.output).toEqual([message]);
  expect(aggregate(created, last).body.output).toEqual([]);
});

test("items without ids are taken as they were done", () => {
  const { id: _, ...bare } = message;
  expect(aggregate(done(0, reasoning), done(1, message), completed([reasoning, bare])).body.output).toEqual([
    reasoning,
    message,
  ]);
});

test("an item that only the last event holds is kept, and none is duplicated", () => {
  const other = { ...message, id: "msg_2" };
  expect(aggregate(done(1, message), completed([{ type: "reasoning" }, message, other])).body.output).toEqual(
    [{ type: "reasoning" }, message, other],
  );
  expect(aggregate(done(1, message), done(2, other), completed([message])).body.output).toEqual([
    message,
    other,
  ]);
});

test("events without an index are appended in order", () => {
  const item = (value: Json) => ({ type: "response.output_item.done", item: value });
  expect(aggregate(item(reasoning), item(message), completed([])).body.output).toEqual([reasoning, message]);
});

test("an incomplete response is completed with the members of the first event", () => {
  const answer = aggregate(created, done(0, message), {
    type: "response.incomplete",
    response: {
      id: "resp_1",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      usage,
    },
  });
  expect(answer).toMatchObject({
    ok: true,
    status: 200,
    body: {
      id: "resp_1",
      object: "response",
      created_at: 1,
      model: "gpt-5.5",
      status: "incomplete",
      output: [message],
      usage,
    },
  });
});

test("response.done ends a response like response.completed", () => {
  const last = { type: "response.done", response: { id: "resp_1", usage } };
  expect(aggregate(created, done(0, message), last)).toMatchObject({
    ok: true,
    ended: true,
    body: { status: "completed", output: [message] },
  });
});

test("unknown events, comments, [DONE] and text that is not JSON are ignored", () => {
  const answer = aggregate(
    "",
    "[DONE]",
    '{"type":"codex.rate_limits","error":"x"',
    'not json "error"',
    '["response.completed"]',
    { type: "codex.rate_limits", plan_type: "plus" },
    { type: "keepalive" },
    { type: "response.output_text.delta", delta: '"response.completed"' },
    created,
    done(0, message),
    completed([]),
    "[DONE]",
  );
  expect(answer).toMatchObject({ ok: true, body: { output: [message] } });
});

test("nothing after the last event counts", () => {
  const late = aggregate(completed([message]), { type: "error", error: { message: "late" } });
  expect(late.ok).toBe(true);
  const failed = aggregate(
    { type: "error", error: { code: "slow_down", message: "first" } },
    completed([message]),
  );
  expect(failed).toMatchObject({ ok: false, status: 503 });
});

test.each([
  ["server_is_overloaded", 503],
  ["slow_down", 503],
  ["rate_limit_exceeded", 429],
  ["usage_limit_reached", 429],
  ["context_length_exceeded", 400],
  ["server_error", 502],
  ["constructor", 502],
])("a failed response with code %s is an HTTP %i that keeps its code and words", (code, status) => {
  const failed = {
    type: "response.failed",
    sequence_number: 3,
    response: { id: "resp_1", status: "failed", error: { code, message: "busy" } },
  };
  expect(aggregate(created, done(0, message), failed)).toMatchObject({
    ok: false,
    status,
    ended: true,
    body: { error: { code, message: "busy", param: null, type: expect.any(String) } },
  });
});

test("a usage limit keeps when it resets, whichever form it has", () => {
  const facts = { message: "m", plan_type: "plus", resets_at: 1_790_000_000, resets_in_seconds: 60 };
  const nested = { type: "error", error: { type: "usage_limit_reached", ...facts } };
  const flat = { type: "error", sequence_number: 1, code: "usage_limit_reached", ...facts };
  for (const event of [nested, flat]) {
    expect(aggregate(event)).toMatchObject({
      status: 429,
      body: { error: { type: "usage_limit_reached", ...facts } },
    });
  }
});

test("an error's type stands in where it has no known code", () => {
  const error = { type: "service_unavailable_error", code: "x", message: "busy" };
  expect(aggregate({ type: "error", error }).status).toBe(503);
  expect(aggregate({ type: "error", error: { type: "invalid_request_error", message: "no" } }).status).toBe(
    400,
  );
});

test("an event's own status counts, except where it would blame the client's key", () => {
  expect(aggregate({ type: "error", status: 400, error: { message: "m" } }).status).toBe(400);
  expect(aggregate({ type: "error", status_code: 529, error: { message: "m" } }).status).toBe(529);
  expect(aggregate({ type: "error", status: 401, error: { message: "m" } }).status).toBe(502);
  expect(aggregate({ type: "error", status: 200 }).status).toBe(502);
});

test("a completed event whose response failed is a failure", () => {
  const last = completed([], { status: "failed", error: { code: "rate_limit_exceeded", message: "m" } });
  expect(aggregate(last)).toMatchObject({ ok: false, status: 429 });
});

test.each([[[]], [[created, done(0, message)]], [["[DONE]"]]])(
  "a stream that breaks off is an error and never half an answer",
  (events) => {
    expect(aggregate(...events)).toMatchObject({
      ok: false,
      status: 502,
      ended: false,
      body: { error: { code: "upstream_stream_incomplete" } },
    });
  },
);

test.each([
  ['{"error":{"code":"context_length_exceeded","message":"too long"}}', 400, "too long"],
  ['{"code":"rate_limit_exceeded","message":"slow"}', 429, "slow"],
  ['{"error":"upstream is down"}', 502, "upstream is down"],
  ["upstream is down", 502, "upstream is down"],
])("an event named error ends the stream as one, whatever its data: %s", (data, status, message) => {
  const aggregator = new ResponsesAggregator();
  aggregator.add(data, true);
  expect(aggregator.ended).toBe(true);
  expect(aggregator.result()).toMatchObject({ ok: false, status, body: { error: { message } } });
});

test("an error without a type or a name is still an error", () => {
  expect(
    aggregate(created, { error: { code: "context_length_exceeded", message: "too long" } }),
  ).toMatchObject({
    status: 400,
    body: { error: { message: "too long" } },
  });
});

test("a last event without its response is an error", () => {
  expect(aggregate({ type: "response.completed" })).toMatchObject({ ok: false, status: 502, ended: true });
});

test("a response beyond all limits is abandoned", () => {
  const aggregator = new ResponsesAggregator(1000);
  for (let place = 0; place < 100 && !aggregator.ended; place++)
    aggregator.add(JSON.stringify(done(place, message)));
  expect(aggregator.ended).toBe(true);
  expect(aggregator.result()).toMatchObject({
    ok: false,
    status: 502,
    body: { error: { code: "upstream_invalid_response" } },
  });
});

test("numbers, keys and duplicates stay as the provider wrote them, wherever they came from", () => {
  const odd = '{"id":12345678901234567890,"f":1.0,"e":1e400,"10":1,"2":-0,"d":1,"d":2,"s":"\\u00e9\\ud800"}';
  const item = `{"id":"fc_1", "type":"tool_search_call","arguments":${odd}}`;
  const tools = `[{"type":"function","parameters": ${odd}}]`;
  const start = `{"type":"response.created","response":{"id":"resp_1","10":1,"2":1.0,"tools":${tools},"status":"in_progress"}}`;
  const end = (output: string) =>
    `{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":${output},"metadata":${odd}}}`;
  const whole = (output: string) =>
    `{"id":"resp_1","10":1,"2":1.0,"tools":${tools},"status":"completed","output":${output},"metadata":${odd}}`;
  const json = (...events: string[]) => {
    const answer = aggregate(...events);
    return answer.ok ? answer.json : answer;
  };
  const itemDone = `{"type":"response.output_item.done","output_index":0,"item": ${item} }`;
  expect(json(start, itemDone, end("[]"))).toBe(whole(`[${item}]`));
  expect(json(start, itemDone, end(`[ ${item} ]`))).toBe(whole(`[ ${item} ]`));
  const bare = `{"arguments":${odd}}`;
  expect(json(start, itemDone, end(`[ ${item}, ${bare} ]`))).toBe(whole(`[${item},${bare}]`));
});

/** Items as a stream tells of them piece by piece: how each is announced, what fills it, and what comes of it. */
const PIECEMEAL: readonly [string, JsonObject, JsonObject[], JsonObject][] = [
  [
    "a message",
    { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] },
    [
      {
        type: "response.content_part.added",
        content_index: 0,
        part: { type: "output_text", text: "", annotations: [] },
      },
      { type: "response.output_text.delta", content_index: 0, delta: "po" },
      { type: "response.output_text.delta", content_index: 0, delta: "ng" },
      { type: "response.output_text.done", content_index: 0, text: "pong" },
    ],
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "pong", annotations: [] }],
    },
  ],
  [
    "a message of which only deltas came",
    { id: "msg_1", type: "message", role: "assistant", content: [] },
    [
      { type: "response.output_text.delta", content_index: 0, delta: "pö" },
      { type: "response.output_text.delta", content_index: 0, delta: "ng\n" },
    ],
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [{ type: "output_text", annotations: [], text: "pöng\n" }],
    },
  ],
  [
    "a message of two parts that come in turns",
    { id: "msg_1", type: "message", role: "assistant", content: [] },
    [
      { type: "response.output_text.delta", content_index: 1, delta: "b" },
      { type: "response.output_text.delta", content_index: 0, delta: "a" },
      { type: "response.output_text.delta", content_index: 1, delta: "B" },
    ],
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [
        { type: "output_text", annotations: [], text: "a" },
        { type: "output_text", annotations: [], text: "bB" },
      ],
    },
  ],
  [
    "a finished part, with what it cites",
    { id: "msg_1", type: "message", role: "assistant", content: [] },
    [
      { type: "response.output_text.delta", content_index: 0, delta: "x" },
      {
        type: "response.content_part.done",
        content_index: 0,
        part: { type: "output_text", text: "x", annotations: [{ n: 1 }] },
      },
    ],
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [{ type: "output_text", text: "x", annotations: [{ n: 1 }] }],
    },
  ],
  [
    "a refusal",
    { id: "msg_1", type: "message", role: "assistant", content: [] },
    [{ type: "response.refusal.delta", content_index: 0, delta: "no" }],
    { id: "msg_1", type: "message", role: "assistant", content: [{ type: "refusal", refusal: "no" }] },
  ],
  [
    "a reasoning summary",
    { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "AAA" },
    [
      {
        type: "response.reasoning_summary_part.added",
        summary_index: 0,
        part: { type: "summary_text", text: "" },
      },
      { type: "response.reasoning_summary_text.delta", summary_index: 0, delta: "hm" },
    ],
    {
      id: "rs_1",
      type: "reasoning",
      summary: [{ type: "summary_text", text: "hm" }],
      encrypted_content: "AAA",
    },
  ],
  [
    "reasoning that says nothing",
    { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "AAA" },
    [],
    { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "AAA" },
  ],
  [
    "a call of a function",
    { id: "fc_1", type: "function_call", call_id: "c1", name: "f", arguments: "" },
    [
      { type: "response.function_call_arguments.delta", delta: '{"n":' },
      { type: "response.function_call_arguments.delta", delta: "12345678901234567890}" },
    ],
    { id: "fc_1", type: "function_call", call_id: "c1", name: "f", arguments: '{"n":12345678901234567890}' },
  ],
  [
    "a call of a custom tool",
    { id: "ct_1", type: "custom_tool_call", call_id: "c1", name: "p", input: "" },
    [
      { type: "response.custom_tool_call_input.delta", delta: "*** Be" },
      { type: "response.custom_tool_call_input.done", input: "*** Begin" },
    ],
    { id: "ct_1", type: "custom_tool_call", call_id: "c1", name: "p", input: "*** Begin" },
  ],
];

const told = (place: number, item: JsonObject, filled: readonly JsonObject[]): JsonObject[] => [
  { type: "response.output_item.added", output_index: place, item },
  ...filled.map((event): JsonObject => ({ output_index: place, ...event })),
];

test.each(PIECEMEAL)(
  "%s is whole though neither its own end nor the last event holds it",
  (_name, item, filled, whole) => {
    const answer = aggregate(created, ...told(0, item, filled), completed([]));
    expect(answer).toMatchObject({ ok: true });
    expect(answer.body.output).toEqual([whole]);
  },
);

test.each(PIECEMEAL)(
  "%s stands in its place among items that were finished",
  (_name, item, filled, whole) => {
    const events = [
      ...told(0, reasoning, []),
      ...told(1, item, filled),
      done(0, reasoning),
      done(2, message),
    ];
    expect(aggregate(created, ...events, completed([])).body.output).toEqual([reasoning, whole, message]);
  },
);

test.each(PIECEMEAL)("%s that is finished late counts as it was finished", (_name, item, filled) => {
  const answer = aggregate(created, ...told(0, item, filled), done(0, message), completed([]));
  expect(answer.body.output).toEqual([message]);
});

test.each(["message", "function_call", "custom_tool_call"])(
  "an announced %s of which nothing came is an error, not an empty answer",
  (type) => {
    const item = { id: "x", type, content: [], arguments: "", input: "" };
    expect(aggregate(created, ...told(0, item, []), completed([]))).toMatchObject({
      ok: false,
      status: 502,
      body: { error: { message: expect.stringContaining("announced") } },
    });
  },
);

test.each(PIECEMEAL)("%s in a stream that breaks off is an error", (_name, item, filled) => {
  expect(aggregate(created, ...told(0, item, filled))).toMatchObject({ ok: false, status: 502 });
});

test("events of items that were finished in time are not kept", () => {
  const aggregator = new ResponsesAggregator(60_000);
  const feed = (event: JsonObject) => aggregator.add(JSON.stringify(event));
  feed(created);
  for (let place = 0; place < 50; place++) {
    for (const event of told(place, message, [])) feed(event);
    for (let turn = 0; turn < 20; turn++)
      feed({
        type: "response.output_text.delta",
        output_index: place,
        content_index: 0,
        delta: "x".repeat(100),
      });
    feed(done(place, { ...message, id: `msg_${place}` }));
  }
  feed(completed([]));
  expect(aggregator.result().ok).toBe(true);
});
