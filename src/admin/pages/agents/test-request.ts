/** A small request that tests a key with a model, and its response in plain text for the owner. Pure. */
import { isObject, type Json, parseJson, text } from "../../../json.ts";
import { type Protocol, ROUTE } from "../../../protocols/protocol.ts";

const PROMPT = "Reply with the single word: pong";

/** How much of a reply or an error is shown, in characters. */
const SHOWN = 300;

export interface TestResult {
  readonly ok: boolean;
  readonly text: string;
  /** What to do next, where it did not work. */
  readonly next?: string;
}

/** The path and JSON body of a request that asks `model` for one word in `protocol`. */
export function testRequestFor(protocol: Protocol, model: string): { path: string; body: object } {
  const path = `/v1${ROUTE[protocol]}`;
  const messages = [{ role: "user", content: PROMPT }];
  switch (protocol) {
    case "messages":
      return { path, body: { model, max_tokens: 64, messages } };
    case "responses":
      return { path, body: { model, input: PROMPT } };
    case "chat":
      return { path, body: { model, messages } };
  }
}

export interface TestResponse {
  readonly status: number;
  /** `x-kleis-provider`, `x-kleis-account` and `x-kleis-changes`, where they came. */
  readonly account: string | undefined;
  readonly changes: string | undefined;
  readonly body: string;
  /** ms. */
  readonly took: number;
}

export function testResultOf(
  model: string,
  { status, account, changes, body, took }: TestResponse,
): TestResult {
  const value = parseJson(body);
  const via = account === undefined ? "" : ` through ${account}`;
  if (status >= 200 && status < 300) {
    const reply = replyIn(value)?.trim();
    const time = took < 1000 ? `${took} ms` : `${(took / 1000).toFixed(1)} s`;
    const answer = reply ? `“${reply.slice(0, SHOWN)}”` : "but without any text";
    const changed =
      changes === undefined || changes === "none"
        ? ""
        : ` Changed on the way: ${changes.split(/, */).join(", ")}.`;
    return { ok: true, text: `It works. ${model} answered${via} in ${time}: ${answer}.${changed}` };
  }
  const reason = reasonIn(value) ?? (body.trim().slice(0, SHOWN) || "no reason was given");
  return {
    ok: false,
    text: `${model} was refused${via} (${status}): ${reason.slice(0, SHOWN)}`,
    ...(adviceFor(status) === undefined ? {} : { next: adviceFor(status) }),
  };
}

/** The reply's text in any of the three protocols. */
function replyIn(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const choice = first(value.choices);
  if (isObject(choice?.message)) return text(choice.message.content);
  const parts = [
    ...objects(value.content),
    ...objects(value.output).flatMap((item) => objects(item.content)),
  ];
  return parts.map((part) => text(part.text) ?? "").join("");
}

function reasonIn(value: Json | undefined): string | undefined {
  if (!isObject(value)) return undefined;
  const { error } = value;
  return isObject(error) ? text(error.message) : (text(error) ?? text(value.message) ?? text(value.detail));
}

function adviceFor(status: number): string | undefined {
  if (status === 401 || status === 403) return "Check the key’s limits and the account’s status.";
  if (status === 429) return "The account’s limit is reached. Wait, or make another account primary.";
  if (status >= 500) return "Try again in a moment; if it keeps failing, refresh the account.";
  return undefined;
}

function objects(value: Json | undefined) {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function first(value: Json | undefined) {
  return objects(value)[0];
}
