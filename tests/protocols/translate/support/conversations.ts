/** Generated requests in the model's terms: everything that a decoder may produce, well formed or not. */
import fc from "fast-check";
import type { JsonObject } from "../../../../src/json.ts";
import {
  type CarrierOwner,
  type CarrierPayload,
  readCarrier,
  writeCarrier,
} from "../../../../src/protocols/translate/carriers/carrier.ts";
import type {
  CacheMark,
  Effort,
  Item,
  ModelRequest,
  Part,
  ResultPart,
  Tool,
  ToolChoice,
} from "../../../../src/protocols/translate/model.ts";

export interface Generated {
  /** The account and model that can read the reasoning. */
  readonly owner: CarrierOwner;
  readonly from: CarrierPayload["from"];
}

const words = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\n", "  \t ") },
);
const mark: fc.Arbitrary<CacheMark | undefined> = fc.oneof(
  { weight: 7, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom<CacheMark>({}, { ttl: "5m" }) },
);
const at = "messages.0";
const ids = fc.oneof(
  fc.constantFrom("call_1", "call_2", "toolu_1"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 70 }),
);
const names = fc.constantFrom("read", "write", "apply_patch", "run it", "é".repeat(70));
const spaces = fc.constantFrom(undefined, undefined, "mcp__files", "a.b");

const text = fc.record({ type: fc.constant("text" as const), text: words, cache: mark, at: fc.constant(at) });
const image = fc.record({
  type: fc.constant("image" as const),
  source: fc.constantFrom(
    { kind: "base64" as const, mediaType: "image/png", data: "AAAA" },
    { kind: "url" as const, url: "https://a/b.png" },
  ),
  cache: mark,
  at: fc.constant(at),
});
const document = fc.record({
  type: fc.constant("document" as const),
  source: fc.constantFrom(
    { kind: "base64" as const, mediaType: "application/pdf", data: "JVBERg==" },
    { kind: "base64" as const, mediaType: "text/plain", data: "aGk=" },
  ),
  name: fc.option(fc.constant("a.pdf"), { nil: undefined }),
  cache: mark,
  at: fc.constant(at),
});
const userParts: fc.Arbitrary<Part[]> = fc.array(fc.oneof(text, image, document), {
  minLength: 1,
  maxLength: 3,
});
const resultParts: fc.Arbitrary<ResultPart[]> = fc.array(fc.oneof(text, image), { maxLength: 2 });

function reasoning({ owner, from }: Generated): fc.Arbitrary<Item> {
  const fitting: CarrierPayload =
    from === "responses"
      ? { from, encrypted: "gAAAA", summary: ["One"] }
      : from === "messages"
        ? { from, signature: "Sig", text: "thought" }
        : { from, opaque: "op", text: "thought" };
  const own = readCarrier(writeCarrier(owner, fitting));
  const foreign = readCarrier(writeCarrier({ ...owner, tag: "ffffffff" }, fitting));
  return fc
    .tuple(words, fc.constantFrom(own, own, foreign, undefined))
    .map(([said, carrier]) => ({ type: "reasoning", text: said, carrier, at }));
}

function items(generated: Generated): fc.Arbitrary<Item[]> {
  const call = fc
    .tuple(
      fc.constantFrom("function" as const, "function" as const, "custom" as const),
      ids,
      spaces,
      names,
      words,
    )
    .map(([kind, id, namespace, name, input]): Item => {
      const args = input.length % 3 === 0 ? input : JSON.stringify({ input });
      return { type: "call", kind, id, namespace, name, input: kind === "custom" ? input : args, at };
    });
  const result = fc
    .tuple(ids, resultParts, fc.boolean(), mark)
    .map(([callId, parts, isError, cache]): Item => ({ type: "result", callId, parts, isError, cache, at }));
  const message = fc.oneof(
    userParts.map((parts): Item => ({ type: "message", role: "user", parts, at })),
    fc
      .array(text, { minLength: 1, maxLength: 2 })
      .map((parts): Item => ({ type: "message", role: "assistant", parts, at })),
    fc
      .array(text, { minLength: 1, maxLength: 2 })
      .map((parts): Item => ({ type: "message", role: "developer", parts, at })),
    words.map(
      (said): Item => ({
        type: "message",
        role: "assistant",
        parts: [{ type: "refusal", text: said, at }],
        at,
      }),
    ),
  );
  const search = words.map(
    (query): Item => ({ type: "search", queries: [query], results: [{ url: "https://a", title: "A" }], at }),
  );
  /** A call with its result, as most have. */
  const pair = fc.tuple(call, resultParts).map(([made, parts]): Item[] => {
    const callId = made.type === "call" ? made.id : "";
    return [made, { type: "result", callId, parts, isError: false, at }];
  });
  const turn = fc.tuple(reasoning(generated), pair).map(([thought, rest]): Item[] => [thought, ...rest]);
  const one = fc.oneof(call, result, search, reasoning(generated)).map((item) => [item]);
  return fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: message.map((item) => [item]) },
        { weight: 3, arbitrary: pair },
        { weight: 2, arbitrary: turn },
        { weight: 2, arbitrary: one },
      ),
      { maxLength: 10 },
    )
    .map((groups) => groups.flat());
}

const schemas: fc.Arbitrary<JsonObject> = fc.constantFrom<JsonObject[]>(
  {},
  { type: "object", properties: { a: { type: "integer", minimum: 1 } }, required: ["a"] },
  {
    anyOf: [
      { type: "object", properties: { a: {} }, required: ["a"] },
      { type: "object", properties: { b: {} } },
    ],
  },
  { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false },
);

const tools: fc.Arbitrary<Tool[]> = fc.array(
  fc.oneof(
    fc
      .record({
        namespace: spaces,
        name: names,
        description: fc.constantFrom(undefined, "", "Does."),
        schema: schemas,
        strict: fc.constantFrom(undefined, false, true),
        cache: mark,
      })
      .map((tool): Tool => ({ type: "function", kind: "function", at: "tools.0", ...tool })),
    fc
      .record({
        namespace: spaces,
        name: names,
        grammar: fc.constantFrom(undefined, { syntax: "lark", definition: "start: /a/" }),
      })
      .map((tool): Tool => ({ type: "custom", at: "tools.0", ...tool })),
    fc.constant<Tool>({
      type: "web_search",
      allowedDomains: ["a.b"],
      location: { country: "DE" },
      at: "tools.0",
    }),
  ),
  { maxLength: 4 },
);

const efforts: readonly (Effort | undefined)[] = [
  undefined,
  "none",
  "minimal",
  "low",
  "medium",
  "high",
  "xhigh",
  "max",
  "ultra",
];

/** Requests whose reasoning, where it fits, can be read by the owner. */
export function requests(generated: Generated): fc.Arbitrary<ModelRequest> {
  return fc
    .record({
      system: fc.array(text, { maxLength: 2 }),
      items: items(generated),
      tools,
      toolMode: fc.constantFrom("auto", "none", "required", "named", undefined),
      parallel: fc.constantFrom(undefined, true, false),
      maxOutput: fc.constantFrom(undefined, 16, 1500, 4096, 32_000, 200_000),
      stops: fc.array(fc.constantFrom("END", "\n", "stop"), { maxLength: 5 }),
      temperature: fc.constantFrom(undefined, 0, 0.5, 1, 1.7),
      topP: fc.constantFrom(undefined, 0.2, 0.97, 1),
      effort: fc.constantFrom(...efforts),
      display: fc.constantFrom(undefined, "summarized" as const),
      format: fc.constantFrom(undefined, "object", "schema"),
      tier: fc.constantFrom(undefined, "priority" as const, "flex" as const),
    })
    .map(({ system, toolMode, temperature, topP, effort, display, format, ...rest }) => ({
      ...rest,
      model: "asked-model",
      streams: true,
      includeUsage: true,
      system: system.filter((part) => part.text.trim() !== ""),
      toolChoice: choiceOf(toolMode, rest.tools),
      sampling: { temperature, topP },
      reasoning: { effort, display },
      format:
        format === "schema"
          ? {
              type: "json_schema" as const,
              name: "out",
              schema: { type: "object", properties: { n: { type: "number", maximum: 3 } } },
            }
          : format === "object"
            ? { type: "json_object" as const }
            : undefined,
      verbosity: undefined,
      cacheKey: undefined,
      session: undefined,
      at: {},
    }));
}

function choiceOf(mode: string | undefined, declared: readonly Tool[]): ToolChoice | undefined {
  if (mode === undefined) return undefined;
  if (mode === "auto" || mode === "none" || mode === "required") return { mode };
  const [tool] = declared;
  if (tool === undefined) return { mode: "auto" };
  return tool.type === "web_search"
    ? { mode: "web_search" }
    : { mode: "tool", namespace: tool.namespace, name: tool.name };
}
