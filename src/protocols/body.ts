/** A JSON request body: the bytes as they came, and the value they hold, parsed once. */
import type { JsonObject } from "../json.ts";
import type { TranslationChange } from "./translate/changes.ts";

export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Read only: a change is an `Edit`, never an assignment. */
  readonly value: JsonObject;
}

/**
 * The names in `x-kleis-changes`. Every edit of a body has one of them, so that an undeclared change cannot be written.
 */
export type Change =
  | TranslationChange // what translation into another protocol did
  | "model-prefix" // the provider prefix was taken off the model id
  | "model-spelling" // the model id was written as the provider writes it (dots, dashes, date)
  | "claude-identity" // the identity block was put before the system prompt, or made of the prompt's first words
  | "claude-system-text" // product names in the system prompt were normalised
  | "claude-tool-names" // tool names were mapped; the answer's are mapped back
  | "claude-user-agent" // a plan's request bears the user-agent that the plan's profile names
  | "claude-betas" // a `betas` body field moved into the anthropic-beta header
  | "codex-fields" // fields that the backend refuses were removed
  | "codex-instructions" // instructions were promoted from the input, or a default was put in
  | "codex-input" // input was brought into the one form the backend takes
  | "codex-item-ids" // ids of replayed items were removed, and references to items that are not stored
  | "codex-include" // encrypted reasoning was asked for
  | "codex-store" // store was set to false
  | "codex-stream" // stream was set to true for a client that does not stream
  | "codex-cache-key" // prompt_cache_key was derived per key, account and session
  | "codex-sealed" // the backend could not read earlier turns' sealed reasoning: sent again without it
  | "copilot-usage" // stream_options.include_usage was set; the resulting chunk is left out
  | "copilot-item-ids" // ids of replayed items were removed, and references to items that are not stored
  | "copilot-store" // store was set to false
  | "copilot-include" // encrypted reasoning was asked for
  | "copilot-fields" // fields that the backend refuses were removed
  | "copilot-betas" // a `betas` body field moved into the anthropic-beta header
  | "copilot-sealed" // the backend could not read earlier turns' sealed reasoning: sent again without it
  | "copilot-images"; // image detail was mapped to what the backend takes

export type Path = readonly (string | number)[];

/**
 * One change of a body, at a path into the parsed value. Paths refer to the body as it came: an edit never
 * shifts the indices of another. An edit inside a value that another edit sets or removes is without effect.
 */
export type Edit = { change: Change; path: Path } & (
  | { op: "set"; value: unknown } // replaces the value, or adds the member at the end of its (existing) object
  | { op: "remove" } // an object's member or an array's element
  | { op: "prepend"; value: unknown } // puts an element at the start of the array at the path
);
