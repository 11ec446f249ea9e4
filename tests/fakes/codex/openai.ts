/** The public OpenAI API as API-key accounts use it (providers/codex.md §3 and §4); a plan's token is useless here. */
import { chatFault, refusesTools } from "../chat-rules.ts";
import { type Dict, objectOf, objectsOf, stringOf } from "../inspect.ts";
import { bearerOf, findLeak } from "../leaks.ts";
import { type RecordedRequest, refuse } from "../server.ts";
import type { TokenBook } from "../tokens.ts";
import { openaiError } from "./errors.ts";

export const OPENAI_MODELS = ["gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-5.3-codex"];

/** Checks the key and that nothing of the ChatGPT backend or of the client came along. */
export function authenticateKey(request: RecordedRequest, tokens: TokenBook): void {
  const leak = findLeak(request);
  if (leak !== null)
    refuse(`leaked header ${leak}`, openaiError(400, { message: `unexpected header ${leak}` }));
  for (const name of ["x-api-key", "chatgpt-account-id"]) {
    if (request.headers[name] !== undefined)
      refuse(name, openaiError(400, { message: `unexpected header ${name}` }));
  }
  const token = bearerOf(request);
  if (token === null) refuse("no bearer", openaiError(401, { message: "You didn't provide an API key." }));
  const record = tokens.find(token);
  if (record?.kind === "access") {
    const message =
      "You have insufficient permissions for this operation. Missing scopes: api.responses.write.";
    refuse("ChatGPT token on the public API", openaiError(401, { message }));
  }
  const invalid = openaiError(401, { message: "Incorrect API key provided.", code: "invalid_api_key" });
  if (record === undefined || record.kind !== "api_key") refuse("unknown API key", invalid);
  if (record.state !== "live") refuse("revoked API key", invalid, "account");
}

function checkChat(body: Dict): void {
  const fault = chatFault(body);
  if (fault !== undefined) refuse(fault, openaiError(400, { message: fault, param: "messages" }));
  if (!refusesTools(body)) return;
  const message = `Function tools with reasoning_effort are not supported for ${stringOf(body.model)} in /v1/chat/completions. Please use /v1/responses instead.`;
  refuse("chat tools with an effort", openaiError(400, { message, param: "reasoning_effort" }));
}

/** Checks a generating request of the public API and returns its body. */
export function checkPublic(request: RecordedRequest, tokens: TokenBook, list: "input" | "messages"): Dict {
  authenticateKey(request, tokens);
  if (request.headers["content-encoding"] !== undefined) {
    refuse("packed body", openaiError(400, { message: "We could not parse the JSON body of your request." }));
  }
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    refuse("content-type is not JSON", openaiError(400, { message: "Invalid content type." }));
  }
  const body = objectOf(request.json);
  if (body === null) {
    return refuse(
      "body is not JSON",
      openaiError(400, { message: "We could not parse the JSON body of your request." }),
    );
  }
  if (stringOf(body.model) === "") {
    refuse("no model", openaiError(400, { message: "you must provide a model parameter", param: "model" }));
  }
  if (body[list] === undefined) {
    const message = `Missing required parameter: '${list}'.`;
    refuse(`no ${list}`, openaiError(400, { message, param: list, code: "missing_required_parameter" }));
  }
  if (list === "messages") checkChat(body);
  // The newest form of the CLI says so in a header, which must come along with it (clients page, Codex).
  const isLite = objectsOf(body.input)[0]?.type === "additional_tools";
  if (isLite && request.headers["x-openai-internal-codex-responses-lite"] !== "true") {
    const message = "Invalid value: 'additional_tools'.";
    refuse("additional_tools without its header", openaiError(400, { message, param: "input[0]" }));
  }
  if (body.stream !== true && objectOf(body.stream_options) !== null) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    refuse("stream_options without stream", openaiError(400, { message, param: "stream_options" }));
  }
  return body;
}
