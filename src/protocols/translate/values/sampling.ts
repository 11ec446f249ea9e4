/** Temperature and top_p as far as the target takes them. */
import type { Losses } from "../losses.ts";
import type { ModelRequest } from "../model.ts";
import type { SamplingTraits } from "../traits.ts";

export interface FittedSampling {
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
}

/** What the rules depend on beside the traits. */
export interface SamplingScene {
  /** The highest temperature of the target's protocol: 1 for Messages, 2 for OpenAI's. */
  readonly hottest: 1 | 2;
  /** Whether the model will reason for this request. */
  readonly reasons: boolean;
}

/** The least `top_p` that Claude takes while it thinks. */
const LEAST_TOP_P = 0.95;

/** Values that mean nothing else than their absence. */
const DEFAULT = 1;

export function fitSampling(
  { sampling, at }: Pick<ModelRequest, "sampling" | "at">,
  traits: SamplingTraits,
  scene: SamplingScene,
  losses: Losses,
): FittedSampling {
  let { temperature, topP } = sampling;
  const isTaken = traits === "not-reasoning" ? !scene.reasons : traits !== "defaults";
  if (temperature !== undefined && temperature > scene.hottest) {
    temperature = scene.hottest;
    losses.change(at.temperature ?? "temperature", "lowered:temperature");
  }
  const thinks = scene.hottest === 1 && scene.reasons;
  if (temperature !== undefined && (!isTaken || thinks)) {
    if (temperature !== DEFAULT) losses.change(at.temperature ?? "temperature", "dropped:temperature");
    temperature = undefined;
  }
  const isTooNarrow = thinks && topP !== undefined && topP < LEAST_TOP_P;
  const isSecond = traits === "either" && temperature !== undefined;
  if (topP !== undefined && (!isTaken || isTooNarrow || isSecond)) {
    if (topP !== DEFAULT) losses.change(at.topP ?? "top_p", "dropped:top_p");
    topP = undefined;
  }
  return { temperature, topP };
}
