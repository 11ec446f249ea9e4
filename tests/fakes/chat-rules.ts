/**
 * What OpenAI's chat endpoint and those that copy it refuse about a conversation and its tools (OpenAI's documentation and
 * live probes of an open project, 2026-09). Knows nothing of how Kleis writes a request.
 */
import { arrayOf, type Dict, objectOf, objectsOf, stringOf } from "./inspect.ts";

/** The first thing that is wrong with the request; undefined where the endpoint would take it. */
export function chatFault(body: Dict): string | undefined {
  return pairFault(objectsOf(body.messages)) ?? toolsFault(body);
}

/** Each call is answered right after its message, and each result answers a call of that message. */
function pairFault(messages: readonly Dict[]): string | undefined {
  let open = new Set<string>();
  for (const [at, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!open.delete(stringOf(message.tool_call_id)))
        return `messages.[${at}].role: messages with role 'tool' must be a response to a preceding message with 'tool_calls'`;
      continue;
    }
    if (open.size > 0) return unanswered(open);
    const calls = objectsOf(message.tool_calls);
    if (message.tool_calls !== undefined && calls.length === 0)
      return `messages[${at}].tool_calls: empty array`;
    const malformed = calls.find((call) => stringOf(call.id) === "" || nameOf(call) === "");
    if (malformed !== undefined) return `messages[${at}].tool_calls: a call without id or name`;
    open = new Set(calls.map(({ id }) => stringOf(id)));
    const says = stringOf(message.content) !== "" || arrayOf(message.content).length > 0;
    if (message.role === "user" && !says) return `messages[${at}].content: expected content`;
  }
  return open.size > 0 ? unanswered(open) : undefined;
}

function unanswered(ids: ReadonlySet<string>): string {
  return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id': ${[...ids].join(", ")}`;
}

function nameOf(call: Dict): string {
  return stringOf((objectOf(call.function) ?? objectOf(call.custom))?.name);
}

function toolsFault({ tools, tool_choice: choice }: Dict): string | undefined {
  const declared = objectsOf(tools);
  if (Array.isArray(tools) && declared.length === 0) return "tools: empty array";
  if (declared.length === 0 && choice !== undefined && choice !== null)
    return "'tool_choice' is only allowed when 'tools' are specified.";
  const names = declared.map(nameOf);
  const bad = names.find((name) => !/^[a-zA-Z0-9_-]{1,64}$/.test(name));
  if (bad !== undefined) return `tools: name '${bad}' does not match '^[a-zA-Z0-9_-]+$'`;
  const chosen = nameOf(objectOf(choice) ?? {});
  if (chosen !== "" && !names.includes(chosen)) return `tool_choice: no tool '${chosen}'`;
  return undefined;
}

/** OpenAI's own models from gpt-5.4 on take no tools here while they reason, and from gpt-6 on none at all. */
export function refusesTools({ model, tools, reasoning_effort: effort }: Dict): boolean {
  if (objectsOf(tools).length === 0) return false;
  const [, major = "0", minor = "0"] = /^gpt-(\d+)(?:\.(\d+))?/.exec(stringOf(model)) ?? [];
  if (Number(major) > 5) return true;
  const isReasoning = typeof effort === "string" && effort !== "none";
  return Number(major) === 5 && Number(minor) >= 4 && isReasoning;
}
