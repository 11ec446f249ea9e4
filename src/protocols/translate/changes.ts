/**
 * The names by which `x-kleis-changes` declares what a translation did to a request. One closed list: a decoder or encoder
 * can only lose what has a name here, and a field that no table knows is `dropped:unknown`.
 */
import type { Protocol } from "../protocol.ts";

/** Fields, blocks and items that one protocol has and another lacks, by the name in the protocol that has them. */
export type DroppedField =
  // Messages
  | "advisor"
  | "blocked_domains"
  | "citations"
  | "code_execution"
  | "computer"
  | "container_upload"
  | "context_management"
  | "fallbacks"
  | "max_uses"
  | "mcp_servers"
  | "prefill"
  | "server_tool_use" // the blocks of a server tool that is not web search
  | "task_budget"
  | "tool_removal"
  | "tool_search"
  | "top_k"
  | "web_fetch"
  // Responses
  | "allowed_tools"
  | "item_reference" // an earlier item by its id alone
  | "apply_patch"
  | "code_interpreter"
  | "file_search"
  | "image_generation"
  | "local_shell"
  | "max_tool_calls"
  | "mcp"
  | "shell"
  | "verbosity"
  // Chat
  | "frequency_penalty"
  | "logit_bias"
  | "logprobs"
  | "presence_penalty"
  | "seed"
  | "top_logprobs"
  // more than one
  | "effort" // the model takes none
  | "json_object" // JSON without a schema was asked for
  | "reasoning" // reasoning of an earlier turn that this account and model cannot read
  | "service_tier"
  | "stop" // stop sequences that the model does not take, and that cannot be emulated
  | "temperature"
  | "top_p"
  | "web_search"
  | "unknown"; // what none of the tables knows, declared once

/** What was kept with a smaller value. */
export type LoweredField =
  | "budget" // thinking tokens
  | "effort"
  | "max-tokens"
  | "temperature"
  | "thinking" // thinking is off for this request
  | "tool-choice"
  | "top_p";

/** What the target requires and the request did not have. */
export type AddedPart = "max-tokens" | "tool-result" | "user-turn";

/** A change of one request by translation, or for what translation left in its conversation. */
export type TranslationChange =
  | `translated:${Protocol}-${Protocol}` // client's protocol, provider's protocol
  | `dropped:${DroppedField}`
  | `lowered:${LoweredField}`
  | `added:${AddedPart}`
  | "moved:system" // developer text stands in a user message, or after other messages than before
  | "moved:tool-result" // a result stands right after its call, or as text where it has no call
  | "wrapped:tools" // custom tools are functions with one string; the response's are unwrapped
  | "foreign-reasoning" // untranslated: reasoning that another protocol's provider sealed was left out
  | "placed:cache" // cache breakpoints of Kleis's choice
  | "estimated:tokens"; // a token count by arithmetic
