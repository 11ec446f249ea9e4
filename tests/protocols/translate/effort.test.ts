/** Efforts, thinking budgets and sampling between models. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Losses } from "../../../src/protocols/translate/losses.ts";
import type { Effort, ReasoningRequest, Sampling } from "../../../src/protocols/translate/model.ts";
import type { ReasoningTraits, SamplingTraits } from "../../../src/protocols/translate/traits.ts";
import {
  EFFORTS,
  fitEffort,
  fitThinking,
  nearestEffort,
} from "../../../src/protocols/translate/values/effort.ts";
import { fitSampling } from "../../../src/protocols/translate/values/sampling.ts";

const FREE = { maxTokens: 64_000, bars: false };
const gpt: ReasoningTraits = {
  style: "effort",
  levels: ["low", "medium", "high", "xhigh"],
  off: true,
  byDefault: true,
};
const astra: ReasoningTraits = { ...gpt, levels: ["low", "medium", "high", "xhigh", "max"], off: false };
const haiku: ReasoningTraits = { style: "budget", levels: [], off: true, byDefault: false };
const opus45: ReasoningTraits = { ...haiku, levels: ["low", "medium", "high"] };
const sonnet5: ReasoningTraits = {
  style: "adaptive",
  levels: ["low", "medium", "high", "xhigh", "max"],
  off: true,
  byDefault: true,
};
const fable: ReasoningTraits = { ...sonnet5, off: false };
const plain: ReasoningTraits = { style: "none", levels: [], off: true, byDefault: false };

describe("effort for OpenAI's protocols", () => {
  test.each<[ReasoningRequest, ReasoningTraits, Effort | undefined, string | undefined]>([
    [{}, gpt, undefined, undefined],
    [{ thinking: "adaptive" }, gpt, undefined, undefined],
    [{ effort: "high" }, gpt, "high", undefined],
    [{ effort: "max" }, gpt, "xhigh", "lowered:effort"],
    [{ effort: "minimal" }, gpt, "low", "lowered:effort"],
    [{ thinking: "off" }, gpt, "none", undefined],
    [{ effort: "none" }, astra, "low", "lowered:effort"],
    [{ budget: 1024 }, gpt, "low", undefined],
    [{ budget: 8192 }, gpt, "medium", undefined],
    [{ budget: 24_576 }, gpt, "high", undefined],
    [{ budget: 31_999 }, gpt, "xhigh", undefined],
    [{ budget: 1024, effort: "high" }, gpt, "high", undefined],
    [{ effort: "high" }, plain, undefined, "dropped:effort"],
    [{ thinking: "off" }, plain, undefined, undefined],
  ])("%o", (asked, traits, effort, change) => {
    expect(fitEffort(asked, traits)).toEqual({ effort, change });
  });

  test("the nearest is listed: the same, else the highest below, else the lowest", () => {
    const levels = fc.subarray([...EFFORTS], { minLength: 1 });
    fc.assert(
      fc.property(levels, fc.constantFrom(...EFFORTS), (listed, asked) => {
        const fitted = nearestEffort(asked, listed);
        const rank = (effort: Effort) => EFFORTS.indexOf(effort);
        const below = listed.filter((level) => rank(level) <= rank(asked));
        expect(fitted).toBe(below.at(-1) ?? listed[0]);
      }),
    );
  });
});

describe("thinking for Messages", () => {
  test.each<[string, ReasoningRequest, ReasoningTraits, object]>([
    ["nothing said", {}, sonnet5, { thinking: undefined, effort: undefined, isActive: true }],
    ["nothing said", {}, haiku, { thinking: undefined, isActive: false }],
    ["an effort", { effort: "high" }, sonnet5, { thinking: "adaptive", effort: "high", lowered: [] }],
    ["ultra", { effort: "ultra" }, sonnet5, { effort: "max", lowered: [] }],
    ["minimal", { effort: "minimal" }, sonnet5, { effort: "low", lowered: [] }],
    ["a summary", { display: "summarized" }, sonnet5, { thinking: "adaptive", effort: undefined }],
    ["none", { effort: "none" }, sonnet5, { thinking: "disabled", effort: undefined, isActive: false }],
    ["none", { effort: "none" }, fable, { thinking: "adaptive", effort: "low", lowered: ["effort"] }],
    ["low", { effort: "low" }, haiku, { thinking: { budget: 2048 }, effort: undefined, lowered: [] }],
    ["medium", { effort: "medium" }, haiku, { thinking: { budget: 8192 } }],
    ["high", { effort: "high" }, opus45, { thinking: { budget: 24_576 }, effort: "high" }],
    [
      "xhigh",
      { effort: "xhigh" },
      opus45,
      { thinking: { budget: 32_000 }, effort: "high", lowered: ["effort"] },
    ],
    ["an effort", { effort: "high" }, plain, { thinking: undefined, isDropped: true }],
    ["none", { effort: "none" }, plain, { thinking: undefined, isDropped: false }],
  ])("%s: %o", (_, asked, traits, expected) => {
    expect(fitThinking(asked, traits, FREE)).toMatchObject(expected);
  });

  test("a budget leaves room for the response, or thinking is off", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64_000 }),
        fc.constantFrom(...EFFORTS.slice(1)),
        (maxTokens, effort) => {
          const { thinking, lowered } = fitThinking({ effort }, haiku, { maxTokens, bars: false });
          if (thinking === undefined) {
            expect(maxTokens).toBeLessThanOrEqual(2048);
            expect(lowered).toContain("thinking");
          } else {
            const { budget } = thinking as { budget: number };
            expect(budget).toBeGreaterThanOrEqual(1024);
            expect(budget).toBeLessThan(maxTokens - 1024);
          }
        },
      ),
    );
  });

  test("where tools are forced, a budget is off and an adaptive model thinks on", () => {
    const bars = { maxTokens: 64_000, bars: true };
    expect(fitThinking({ effort: "high" }, haiku, bars)).toMatchObject({
      isActive: false,
      lowered: ["thinking"],
    });
    expect(fitThinking({ effort: "high" }, sonnet5, bars)).toMatchObject({ thinking: "adaptive" });
  });
});

describe("sampling", () => {
  function fit(sampling: Sampling, traits: SamplingTraits, hottest: 1 | 2, reasons: boolean) {
    const losses = new Losses();
    const fitted = fitSampling({ sampling, at: {} }, traits, { hottest, reasons }, losses);
    return [
      fitted.temperature,
      fitted.topP,
      ...losses.list.map((loss) => loss.kind === "change" && loss.change),
    ];
  }

  test.each<[Sampling, SamplingTraits, 1 | 2, boolean, unknown[]]>([
    [{ temperature: 0.2, topP: 0.5 }, "free", 2, false, [0.2, 0.5]],
    [{ temperature: 1.5 }, "either", 1, false, [1, undefined, "lowered:temperature"]],
    [{ temperature: 0.2, topP: 0.5 }, "either", 1, false, [0.2, undefined, "dropped:top_p"]],
    [{ topP: 0.5 }, "either", 1, false, [undefined, 0.5]],
    [{ temperature: 0.2 }, "either", 1, true, [undefined, undefined, "dropped:temperature"]],
    [{ topP: 0.5 }, "either", 1, true, [undefined, undefined, "dropped:top_p"]],
    [{ topP: 0.97 }, "either", 1, true, [undefined, 0.97]],
    [{ temperature: 1, topP: 1 }, "defaults", 1, false, [undefined, undefined]],
    [{ temperature: 0.2 }, "defaults", 2, false, [undefined, undefined, "dropped:temperature"]],
    [{ temperature: 0.2 }, "not-reasoning", 2, false, [0.2, undefined]],
    [{ temperature: 0.2 }, "not-reasoning", 2, true, [undefined, undefined, "dropped:temperature"]],
  ])("%o %s %d reasons: %s", (sampling, traits, hottest, reasons, expected) => {
    expect(fit(sampling, traits, hottest, reasons)).toEqual(expected);
  });
});
