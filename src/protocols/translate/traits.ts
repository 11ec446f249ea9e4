/**
 * What a target model takes, as data: the encoders decide by these and never by a model's or provider's name. Each provider
 * keeps its own table, with dates and sources, and unknown newer models get the values of the newest known family.
 */
import type { CarrierOwner } from "./carriers/carrier.ts";
import type { Effort } from "./model.ts";

export interface TargetTraits {
  /** The model id to write. */
  readonly model: string;
  /** Reasoning that this account and model can read. */
  readonly owner: CarrierOwner;
  /** The most tokens that the model generates; undefined: unknown. */
  readonly maxOutput: number | undefined;
  readonly reasoning: ReasoningTraits;
  readonly sampling: SamplingTraits;
  /** The `type` of the web search tool to write; undefined: the target has none. */
  readonly webSearch: string | undefined;
  /** False where a forced tool choice is refused (Claude Fable and Mythos 5.1); it is then lowered to `auto`. */
  readonly forcedToolChoice: boolean;
  /** Prompt cache breakpoints: Messages places `cache_control`, chat `copilot_cache_control`; Responses has none. */
  readonly cacheMarks: boolean;
  /** Responses and chat: `prompt_cache_key` is taken. */
  readonly cacheKey: boolean;
  /** Messages `speed: "fast"`, Responses and chat `service_tier: "priority"`. */
  readonly priority: boolean;
  /** Responses and chat: tools of type `custom` are taken as they are; otherwise they are wrapped in functions. */
  readonly customTools: boolean;
  /** Messages alone. */
  readonly messages: MessagesTraits | undefined;
}

/** What differs between the models that speak Messages. */
export interface MessagesTraits {
  /** `message`: role `system` between other messages. `reminder`: a `<system-reminder>` text in the user's message. */
  readonly developerText: "message" | "reminder";
  /** True where the last message may be the assistant's; otherwise the user's "Continue." follows it. */
  readonly prefill: boolean;
  /** True where signed thinking is bound to the conversation before it: the request asks to drop what no longer fits. */
  readonly bindsThinking: boolean;
}

export interface ReasoningTraits {
  /**
   * `none`: the model does not reason. `effort`: Responses and chat. Messages: `budget` (`thinking.type: "enabled"` with
   * tokens) or `adaptive`.
   */
  readonly style: "none" | "effort" | "budget" | "adaptive";
  /** The efforts that it takes, from the least, without `none`; empty: it has no such parameter. */
  readonly levels: readonly Effort[];
  /** Whether reasoning can be turned off; an effort: only up to it. */
  readonly off: boolean | Effort;
  /** Whether a request that says nothing is reasoned about. */
  readonly byDefault: boolean;
}

/**
 * Which of `temperature` and `top_p` are taken: `free` both; `either` one of them (Claude up to 4.6); `not-reasoning` both
 * while the effort is `none` (OpenAI's reasoning models from 5.1); `defaults` neither (Claude from 4.7, GPT-5).
 */
export type SamplingTraits = "free" | "either" | "not-reasoning" | "defaults";
