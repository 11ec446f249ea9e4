/**
 * A request and a response in no protocol's words: what the three decoders produce and the three encoders read. It holds
 * what at least two protocols can say; what only one can is that decoder's loss.
 *
 * The conversation is a flat list of items, and item i is decoded from the client's items up to i alone, so that the
 * translation of a turn is a prefix of the translation of the next (prompt caches and Claude's signed thinking need that).
 */
import type { JsonObject } from "../../json.ts";
import type { StreamFailure } from "../stream-errors.ts";
import type { Carrier, CarrierPayload } from "./carriers/carrier.ts";
import type { BodyPath } from "./losses.ts";

// ---------------------------------------------------------------------------------------------------------- request

export interface ModelRequest {
  /** The model id as the client wrote it. */
  readonly model: string;
  /** True where the client asks for a stream. */
  readonly streams: boolean;
  /** Chat's `stream_options.include_usage`; the other protocols always show usage. */
  readonly includeUsage: boolean;
  /**
   * The system prompt, a block each: Messages `system`; Responses `instructions`; and the system and developer messages
   * that stand before everything else in `input` or in chat `messages`. Never blank.
   */
  readonly system: readonly TextPart[];
  /** The conversation after the system prompt, oldest first. */
  readonly items: readonly Item[];
  /** In the client's order; those that a message adds (`additional_tools`, `tool_addition`) follow in order. */
  readonly tools: readonly Tool[];
  /** Undefined: not stated, which every protocol takes as `auto`. */
  readonly toolChoice: ToolChoice | undefined;
  /** Whether the model may call several tools at once; undefined: not stated, which every protocol takes as true. */
  readonly parallel: boolean | undefined;
  /** The most tokens to generate, thinking included; undefined: not stated. */
  readonly maxOutput: number | undefined;
  /** Texts at which the response ends, without them. Never empty strings. */
  readonly stops: readonly string[];
  readonly sampling: Sampling;
  readonly reasoning: ReasoningRequest;
  /** Undefined: plain text. */
  readonly format: OutputFormat | undefined;
  /** How long the response should be (Responses `text.verbosity`, chat `verbosity`). */
  readonly verbosity: string | undefined;
  readonly tier: "priority" | "flex" | undefined;
  /** `prompt_cache_key` as the client wrote it. */
  readonly cacheKey: string | undefined;
  /** The client's session as its body names it (Messages `metadata.user_id`), to derive a cache key from. */
  readonly session: string | undefined;
  /** Where in the client's body a field stands that an encoder may have to name, by the field's name here. */
  readonly at: Readonly<Partial<Record<RequestField, BodyPath>>>;
}

export type RequestField =
  | "toolChoice"
  | "parallel"
  | "maxOutput"
  | "stops"
  | "temperature"
  | "topP"
  | "topLogprobs"
  | "reasoning"
  | "format"
  | "verbosity"
  | "tier";

/** One element of the conversation. */
export type Item = MessageItem | ReasoningItem | ToolCallItem | ToolResultItem | SearchItem;

export interface MessageItem {
  readonly type: "message";
  /** `developer`: a system or developer message that stands after the beginning. Its parts are texts alone. */
  readonly role: "user" | "assistant" | "developer";
  /** At least one. Texts are never empty; one of white space alone may occur. */
  readonly parts: readonly Part[];
  readonly at: BodyPath;
}

/** Reasoning of an earlier turn of the assistant. */
export interface ReasoningItem {
  readonly type: "reasoning";
  /** What the client showed of it; may be empty. Never sent on without a carrier that fits. */
  readonly text: string;
  /** What Kleis put into the signature, encrypted content or detail; undefined: made elsewhere, or damaged. */
  readonly carrier: Carrier | undefined;
  readonly at: BodyPath;
}

/** A tool call of the assistant, answered by the `ToolResultItem` of the same id. */
export interface ToolCallItem {
  readonly type: "call";
  readonly kind: CallKind;
  /** As the client wrote it; `portableId` gives the form that every target takes. */
  readonly id: string;
  /** Responses alone: the namespace that the tool stands in. */
  readonly namespace?: string | undefined;
  readonly name: string;
  /** `custom`: the text. Otherwise the arguments as JSON text, which need not be valid or an object. */
  readonly input: string;
  readonly at: BodyPath;
}

/** `custom`: the input is free text. `search`: a call of the client's own tool search (Responses `tool_search_call`). */
export type CallKind = "function" | "custom" | "search";

export interface ToolResultItem {
  readonly type: "result";
  /** The `id` of the call. */
  readonly callId: string;
  /** May be empty. */
  readonly parts: readonly ResultPart[];
  /** The tool failed (Messages `is_error`; the other protocols cannot say so). */
  readonly isError: boolean;
  readonly cache?: CacheMark | undefined;
  readonly at: BodyPath;
}

/** A web search that the provider ran in an earlier turn. Every target gets it as assistant text (`searchDigest`). */
export interface SearchItem {
  readonly type: "search";
  readonly queries: readonly string[];
  readonly results: readonly SearchResult[];
  readonly at: BodyPath;
}

export interface SearchResult {
  readonly url: string;
  /** May be empty. */
  readonly title: string;
}

export type Part = TextPart | ImagePart | DocumentPart | AudioPart | RefusalPart;
/** What a tool may return. */
export type ResultPart = TextPart | ImagePart | DocumentPart | AudioPart;

export interface TextPart {
  readonly type: "text";
  readonly text: string;
  readonly cache?: CacheMark | undefined;
  readonly at: BodyPath;
}

export interface ImagePart {
  readonly type: "image";
  readonly source: MediaSource;
  readonly cache?: CacheMark | undefined;
  readonly at: BodyPath;
}

/** A PDF or another file that the model reads. A document that is plain text is decoded as text. */
export interface DocumentPart {
  readonly type: "document";
  readonly source: MediaSource;
  readonly name?: string | undefined;
  readonly cache?: CacheMark | undefined;
  readonly at: BodyPath;
}

export interface AudioPart {
  readonly type: "audio";
  /** Base64. */
  readonly data: string;
  /** `wav`, `mp3`. */
  readonly format: string;
  readonly at: BodyPath;
}

/** The assistant declined (Responses and chat `refusal`). */
export interface RefusalPart {
  readonly type: "refusal";
  readonly text: string;
  readonly at: BodyPath;
}

/** Ids of uploaded files are refused by the decoders: they mean nothing to another provider. */
export type MediaSource =
  | { readonly kind: "base64"; readonly mediaType: string; readonly data: string }
  | { readonly kind: "url"; readonly url: string };

/** A prompt cache breakpoint: what stands before it and itself may be cached (Messages `cache_control`). */
export interface CacheMark {
  readonly ttl?: "5m" | "1h" | undefined;
}

export type Tool = FunctionTool | CustomTool | WebSearchTool;

export interface FunctionTool {
  readonly type: "function";
  /** `search`: the client's own tool search; its calls and results are items of their own in Responses. */
  readonly kind: "function" | "search";
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments; its root is an object. */
  readonly schema: JsonObject;
  /** Undefined: not stated, which Responses takes for true and the other protocols for false. */
  readonly strict?: boolean | undefined;
  readonly cache?: CacheMark | undefined;
  readonly at: BodyPath;
}

/** A tool whose input is free text (Responses and chat type `custom`). */
export interface CustomTool {
  readonly type: "custom";
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly description?: string | undefined;
  /** Undefined: any text. */
  readonly grammar?: { readonly syntax: string; readonly definition: string } | undefined;
  readonly at: BodyPath;
}

/** Web search that the provider runs. */
export interface WebSearchTool {
  readonly type: "web_search";
  readonly allowedDomains?: readonly string[] | undefined;
  readonly blockedDomains?: readonly string[] | undefined;
  /** How often the model may search in one response (Messages alone). */
  readonly maxUses?: number | undefined;
  /** `city`, `region`, `country`, `timezone`: the same names in all three protocols. */
  readonly location?: JsonObject | undefined;
  readonly at: BodyPath;
}

export type ToolChoice =
  | { readonly mode: "auto" | "none" | "required" | "web_search" }
  | { readonly mode: "tool"; readonly namespace?: string | undefined; readonly name: string };

export interface Sampling {
  /** 0 to 2 at OpenAI, 0 to 1 at Anthropic. */
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  /** How many alternatives of each token are reported. */
  readonly topLogprobs?: number | undefined;
}

/** Efforts from the least to the most (`src/protocols/translate/values/effort.ts` orders them). `none`: no reasoning. */
export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max" | "ultra";

/** What the client says about reasoning; all undefined: nothing. */
export interface ReasoningRequest {
  /** Messages `thinking.type`: `disabled`, `enabled` or `adaptive`. */
  readonly thinking?: "off" | "on" | "adaptive" | undefined;
  readonly effort?: Effort | undefined;
  /** The most tokens to think with (Messages `thinking.budget_tokens`). */
  readonly budget?: number | undefined;
  /** Whether the client wants to see summaries. */
  readonly display?: "summarized" | "omitted" | undefined;
}

export type OutputFormat =
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      /** Messages has none. */
      readonly name?: string | undefined;
      readonly description?: string | undefined;
      readonly schema: JsonObject;
      readonly strict?: boolean | undefined;
    };

// --------------------------------------------------------------------------------------------------------- response

/**
 * One event of a response, streamed or not. A decoder keeps this order: `start` once and first (a `fail` may stand alone);
 * for each block `open`, what belongs to it, `close`; `usage` any number of times, each replacing the last; at the end one
 * `stop` or one `fail`, and nothing after it. Blocks may overlap. A decoder closes what the provider left open before
 * `stop`, and does not close before `fail`.
 */
export type ResponseEvent =
  | { readonly type: "start" }
  | { readonly type: "open"; readonly key: BlockKey; readonly block: Block }
  /** More of a text, of a thought, or of a call's input; never empty, never for `redacted` or `search`. */
  | { readonly type: "delta"; readonly key: BlockKey; readonly text: string }
  /** What the provider needs to get back with a `thinking` or `redacted` block; at most once, before its `close`. */
  | { readonly type: "opaque"; readonly key: BlockKey; readonly payload: CarrierPayload }
  /** A source for a `text` block, or for what was written of it so far. */
  | { readonly type: "cite"; readonly key: BlockKey; readonly citation: Citation }
  /** What a `search` block looked for and found; at most once, before its `close`. */
  | {
      readonly type: "found";
      readonly key: BlockKey;
      readonly queries: readonly string[];
      readonly results: readonly SearchResult[];
    }
  /** `cut`: a call whose input did not come to its end, in a response that was cut: it must not run. */
  | { readonly type: "close"; readonly key: BlockKey; readonly cut?: true }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "stop"; readonly reason: StopReason; readonly sequence?: string | undefined }
  | { readonly type: "fail"; readonly failure: ResponseFailure }
  /** The provider is alive; nothing to show. */
  | { readonly type: "ping" };

/** Names a block within one response; the decoder's own count, in order of opening. */
export type BlockKey = number;

export type Block =
  | { readonly kind: "text" }
  | { readonly kind: "refusal" }
  /** Summary parts of one item are one block, joined by a blank line. */
  | { readonly kind: "thinking" }
  /** Reasoning without any text. */
  | { readonly kind: "redacted" }
  | {
      readonly kind: "tool";
      readonly id: string;
      /** `restoreTools` turns the alias that the target knew back into kind, namespace and name. */
      readonly call: CallKind;
      readonly namespace?: string | undefined;
      readonly name: string;
    }
  /** A web search that the provider runs. */
  | { readonly kind: "search"; readonly id: string };

export interface Citation {
  readonly url: string;
  readonly title: string;
  /** Places in the block's text, in UTF-16 units; undefined where the provider does not say. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

/**
 * `end`: the model finished its turn. `sequence`: it met a stop sequence. `tool`: it called tools. `length`: the limit of
 * tokens. `context`: the context window is full. `pause`: the provider paused a long turn. `refusal`: it declined.
 */
export type StopReason = "end" | "sequence" | "tool" | "length" | "context" | "pause" | "refusal";

/** Tokens. What the provider does not say is 0. */
export interface Usage {
  /** All input, including what was read from and written to the cache (Messages counts these apart). */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** All output, reasoning included. */
  readonly output: number;
  readonly reasoning: number;
  /** Web searches that the provider ran. */
  readonly searches: number;
}

/** A failure, with the HTTP status that it has or would have. */
export interface ResponseFailure extends StreamFailure {
  readonly status: number;
}
