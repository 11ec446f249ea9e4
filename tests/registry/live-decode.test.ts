import { describe, expect, test } from "vitest";
import { codex } from "../../src/providers/codex/index.ts";
import { copilot } from "../../src/providers/copilot/index.ts";
import { codexRow, copilotList, copilotRow } from "./live-rows.ts";

const ofCopilot = (...rows: unknown[]) => copilot.modelList?.decode(copilotList(...rows)) ?? null;
const ofCodex = (...rows: unknown[]) => codex.modelList?.decode({ models: rows }) ?? null;
const ids = (models: readonly { id: string }[] | null) => models?.map(({ id }) => id);

describe("Copilot's list", () => {
  test("says which endpoints a model answers on, best first", () => {
    const endpoints = (...names: string[]) => ofCopilot(copilotRow("m", names))?.[0]?.operations;
    expect(endpoints("/chat/completions", "/v1/messages")).toEqual(["messages", "count_tokens", "chat"]);
    expect(endpoints("/chat/completions", "/responses", "ws:/responses")).toEqual(["responses", "chat"]);
    expect(ofCopilot(copilotRow("m"))?.[0]?.operations).toEqual(["chat"]);
    expect(endpoints("ws:/responses")).toBeUndefined();
  });

  test("says what a prompt may fill", () => {
    expect(ofCopilot(copilotRow("m"))?.[0]?.limit).toEqual({
      context: 200_000,
      input: 168_000,
      output: 32_000,
    });
    const capabilities = {
      limits: { max_prompt_tokens: 100, max_output_tokens: 10 },
      supports: { tool_calls: true },
    };
    expect(ofCopilot(copilotRow("m", undefined, { capabilities }))?.[0]?.limit).toEqual({
      context: 110,
      input: 100,
      output: 10,
    });
  });

  test.each<[string, unknown]>([
    ["one that the policy has disabled", copilotRow("bad", undefined, { policy: { state: "disabled" } })],
    ["one that is not for choosing", copilotRow("bad", undefined, { model_picker_enabled: false })],
    [
      "an embedding",
      { ...copilotRow("bad"), capabilities: { type: "embeddings", limits: { max_inputs: 512 } } },
    ],
    [
      "one without tools",
      {
        ...copilotRow("bad"),
        capabilities: {
          limits: { max_prompt_tokens: 1, max_output_tokens: 1 },
          supports: { tool_calls: false },
        },
      },
    ],
    ["one without limits", { ...copilotRow("bad"), capabilities: { supports: { tool_calls: true } } }],
    ["an odd row", { id: 7, capabilities: null }],
    ["null", null],
  ])("leaves out %s, and only that", (_name, bad) => {
    expect(ids(ofCopilot(bad, copilotRow("good")))).toEqual(["good"]);
  });

  test("takes the first of two rows with one id, and a policy that nobody has set for a yes", () => {
    const first = copilotRow("twice", ["/responses"], { policy: { state: "unconfigured" } });
    expect(ofCopilot(first, copilotRow("twice"))).toMatchObject([{ id: "twice", operations: ["responses"] }]);
  });

  test("is empty where it says so of every model", () => {
    const disabled = copilotRow("gpt-5.4", undefined, { policy: { state: "disabled" } });
    expect(ofCopilot(disabled, copilotRow("gpt-5.5", ["ws:/responses"]), { id: 7 })).toEqual([]);
  });

  test("names no effort that a registry does not know", () => {
    const capabilities = (...reasoning_effort: string[]) => ({
      capabilities: {
        limits: { max_prompt_tokens: 100, max_output_tokens: 10 },
        supports: { tool_calls: true, reasoning_effort },
      },
    });
    const options = (...efforts: string[]) =>
      ofCopilot(copilotRow("m", undefined, capabilities(...efforts)))?.[0]?.model.reasoning_options;
    expect(options("high", "ultra")).toEqual([{ type: "effort", values: ["high"] }]);
    expect(options("ultra")).toBeUndefined();
  });

  test.each([
    [null],
    [[]],
    [{}],
    [{ data: "x" }],
    ["<html>"],
    [undefined],
    [{ data: [] }],
    [{ data: [{ id: 7 }, { id: "gpt-5.4", capabilities: { supports: {} } }] }],
  ])("%j is none", (body) => {
    expect(copilot.modelList?.decode(body)).toBe(null);
  });
});

describe("Codex's list", () => {
  test("says what a prompt may fill, and describes models that the registry does not know", () => {
    expect(ofCodex(codexRow("gpt-9"))).toMatchObject([
      {
        id: "gpt-9",
        operations: ["responses"],
        limit: { input: 272_000 },
        model: { name: "Live gpt-9", reasoning: true, tool_call: true, limit: { context: 400_000 } },
      },
    ]);
  });

  test("leaves out what is not for the API, or odd, and takes the first of two rows", () => {
    const rows = [
      codexRow("closed", { supported_in_api: false }),
      { slug: 7 },
      null,
      codexRow("good", { context_window: 1000 }),
      codexRow("good"),
    ];
    expect(ofCodex(...rows)).toMatchObject([{ id: "good", limit: { input: 1000 } }]);
  });

  test("marks what is for no list, and keeps every row as it came", () => {
    const hidden = codexRow("hidden", { visibility: "hide", base_instructions: "x", of_tomorrow: [1, null] });
    expect(ofCodex(hidden, codexRow("good"))).toMatchObject([
      { id: "hidden", hidden: true, row: hidden },
      { id: "good", row: codexRow("good") },
    ]);
    expect(ofCodex(codexRow("good"))?.[0]?.hidden).toBeUndefined();
  });

  test("is empty where it says so of every model", () => {
    expect(ofCodex(codexRow("closed", { supported_in_api: false }), { slug: 7 })).toEqual([]);
  });

  test.each([
    "display_name",
    "description",
    "visibility",
    "context_window",
    "supported_reasoning_levels",
    "input_modalities",
  ])("an odd %s costs only itself", (name) => {
    for (const odd of [null, 7, -1, "", {}, [7], true])
      expect(ids(ofCodex(codexRow("gpt-9", { [name]: odd })))).toEqual(["gpt-9"]);
  });

  test("names no effort that a registry does not know", () => {
    const efforts = [{ effort: "max" }, { effort: "ultra" }];
    expect(ofCodex(codexRow("gpt-9", { supported_reasoning_levels: efforts }))?.[0]?.model).toMatchObject({
      reasoning: true,
      reasoning_options: [{ type: "effort", values: ["max"] }],
    });
  });

  test.each([
    [{ data: [] }],
    ["<html>"],
    [{ models: [] }],
    [{ models: [{ slug: 7 }, codexRow("gpt-9", { supported_in_api: undefined })] }],
    [{ models: { "gpt-9": codexRow("gpt-9") } }],
    [[codexRow("gpt-9")]],
  ])("%j is none", (body) => {
    expect(codex.modelList?.decode(body)).toBe(null);
  });
});
