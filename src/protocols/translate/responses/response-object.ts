/** The `response` object around the output items, as events and whole responses show it. */
import { isObject, type JsonObject } from "../../../json.ts";
import type { ResponseContext } from "../codec.ts";
import type { StopReason, Usage } from "../model.ts";
import { usageToResponses } from "../values/usage.ts";

export interface Ending {
  readonly status: "in_progress" | "completed" | "incomplete";
  readonly reason?: "max_output_tokens" | "content_filter" | undefined;
}

const RUNNING: Ending = { status: "in_progress" };

/** How a response ends that stopped for this reason. A turn that the provider paused is not whole. */
export function endingOf(reason: StopReason): Ending {
  switch (reason) {
    case "length":
    case "context":
    case "pause":
      return { status: "incomplete", reason: "max_output_tokens" };
    case "refusal":
      return { status: "incomplete", reason: "content_filter" };
    default:
      return { status: "completed" };
  }
}

export function responseObject(
  context: ResponseContext,
  output: JsonObject[] = [],
  usage: Usage | undefined = undefined,
  { status, reason }: Ending = RUNNING,
): JsonObject {
  const { body } = context;
  const reasoning = isObject(body.reasoning) ? body.reasoning : {};
  const text = isObject(body.text) ? body.text : {};
  return {
    id: responseId(context),
    object: "response",
    created_at: context.createdAt,
    status,
    background: false,
    error: null,
    incomplete_details: reason === undefined ? null : { reason },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: context.model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: reasoning.effort ?? null, summary: reasoning.summary ?? null },
    store: false,
    temperature: body.temperature ?? null,
    text: { format: text.format ?? { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: body.top_p ?? null,
    truncation: "disabled",
    usage: usage === undefined ? null : usageToResponses(usage),
    metadata: isObject(body.metadata) ? body.metadata : {},
  };
}

export function responseId({ id }: ResponseContext): string {
  return `resp_${id}`;
}
