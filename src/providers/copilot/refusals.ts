/**
 * Refusals of Copilot's that mean more than they say, in words that clients act upon; every other stands
 * as it came (providers/copilot.md §4.5).
 */
import { isObject, parseJson, text } from "../../json.ts";
import { errorBody } from "../../protocols/errors.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { ErrorAnswer } from "../provider.ts";

/** How Copilot writes that a prompt is too long: the tokens that it has, and those that it may have. */
const TOO_LONG = /prompt token count of (\d+) exceeds the limit of (\d+)/;
const TOO_LONG_CODE = "model_max_prompt_tokens_exceeded";

/** What is meant by the refusal; null where nothing else is. */
export function meantBy(protocol: Protocol, status: number, source: string): ErrorAnswer | null {
  if (status !== 400 && status !== 413) return null;
  const value = parseJson(source);
  const error = isObject(value) && isObject(value.error) ? value.error : {};
  const counted = TOO_LONG.exec(source);
  if (counted === null && error.code !== TOO_LONG_CODE) return null;
  const said = text(error.message) ?? source.trim();
  return { status: 400, body: promptTooLong(protocol, said, counted) };
}

/**
 * Claude Code shortens a conversation when it reads `prompt is too long: <n> tokens > <n> maximum` and nothing else in
 * the message (2.1.330); clients of OpenAI's protocols go by the code `context_length_exceeded`.
 */
function promptTooLong(protocol: Protocol, said: string, counted: RegExpExecArray | null) {
  if (protocol === "messages") {
    const message =
      counted === null ? said : `prompt is too long: ${counted[1]} tokens > ${counted[2]} maximum`;
    return errorBody(protocol, { code: TOO_LONG_CODE, status: 400, message });
  }
  return errorBody(protocol, { code: "context_length_exceeded", status: 400, message: said });
}
