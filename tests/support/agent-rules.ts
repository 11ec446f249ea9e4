/**
 * By which rules coding agents send a request again when its stream ends with an error event, in our own words. Read from
 * the bundles of Claude Code 2.1.330, OpenCode 1.18.33, Codex CLI 0.169.0 (by trying codes), pi 0.73.1, Qwen Code 0.24.4
 * and Cline CLI 3.0.65, and tried with the real programs, in November 2026.
 */
import { isObject, type JsonObject, text } from "../../src/json.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { dataObject, readEvents, type WireEvent } from "../streams/support/wire.ts";

/** What an agent does when the stream has ended like that. */
export type Verdict = "repeats" | "gives up";

export interface AgentRule {
  readonly agent: string;
  readonly protocols: readonly Protocol[];
  /** `events`: the events of the whole stream as the agent has got it. */
  judge(protocol: Protocol, events: readonly WireEvent[]): Verdict;
}

const verdict = (repeats: boolean): Verdict => (repeats ? "repeats" : "gives up");

/** The event of the stream on which the vendors' SDKs throw. */
function thrown(events: readonly WireEvent[]): { at: number; value: JsonObject; error: JsonObject } {
  const at = events.findIndex((event) => event.event === "error" || isObject(dataObject(event.data)?.error));
  const value = dataObject(events[at]?.data ?? null) ?? {};
  return { at, value, error: isObject(value.error) ? value.error : value };
}

const hasText = (events: readonly WireEvent[]): boolean =>
  events.some(({ data }) => /"text_delta"|output_text\.delta|"content":"\w/.test(data ?? ""));

/** How the AI SDK's first look at a stream reads an error that comes before any output: as a status; null behind output. */
function statusOfAiSdk(protocol: Protocol, events: readonly WireEvent[]): number | null {
  const { at, error } = thrown(events);
  const before = events.slice(0, at).map((event) => text(dataObject(event.data)?.type));
  if (protocol === "messages") {
    if (before.some((type) => type !== undefined && type !== "ping")) return null;
    return error.type === "overloaded_error" ? 529 : 500;
  }
  if (protocol === "chat" || before.some((type) => /delta|output_item\.added/.test(type ?? ""))) return null;
  const names = `${error.code ?? ""} ${error.type ?? ""}`.toLowerCase();
  if (/insufficient_quota|rate_limit/.test(names)) return 429;
  if (names.includes("authentication")) return 401;
  if (names.includes("permission")) return 403;
  if (names.includes("not_found")) return 404;
  if (/invalid|bad_request|context_length/.test(names)) return 400;
  if (names.includes("overload")) return 503;
  return names.includes("timeout") ? 504 : 500;
}

const OPENCODE_WORDS = [
  /429|500|502|503|504|524/,
  /rate increased too quickly|rate[ _-]?limit|too many requests/i,
  /overloaded|service[ _-]unavailable|internal[ _]error|internal server error|server[ _-]error|provider[ _-]returned[ _-]error/i,
  /terminated|fetch failed|failed to fetch|network[-_\s]error|upstream connect|connection (error|refused|lost)|socket connection was closed|socket hang up|reset before headers/i,
  /^timeout$|\b(request|response|connection|network|stream|read) (timeout|timed out|time out)\b/i,
  /try your request again|retry your request|resource[ _]exhausted/i,
  /\btry again (later|in\b)|\b(currently|temporarily) at capacity\b/i,
];

const openCode: AgentRule = {
  agent: "OpenCode",
  protocols: ["messages", "chat", "responses"],
  judge(protocol, events) {
    const { value, error } = thrown(events);
    const status = statusOfAiSdk(protocol, events);
    const message = text(error.message) ?? "";
    const sounds = (words: string) => OPENCODE_WORDS.some((pattern) => pattern.test(words));
    if (status !== null) return verdict(status >= 500 || status === 429 || sounds(message));
    if (protocol === "responses") {
      const final = ["context_length_exceeded", "insufficient_quota", "usage_not_included", "invalid_prompt"];
      return verdict(value.type === "error" && !final.includes(String(error.code)));
    }
    const words = JSON.stringify(error);
    return verdict(sounds(words) || /exhausted|unavailable|too_many_requests/i.test(words));
  },
};

const PI_WORDS =
  /overloaded|provider.?returned.?error|rate.?limit|too many requests|429|500|502|503|504|service.?unavailable|server.?error|internal.?error|network.?error|connection.?(error|refused|lost)|websocket|other side closed|fetch failed|upstream.?connect|reset before headers|socket hang up|ended without|timed? out|timeout|terminated|retry delay/i;

const pi: AgentRule = {
  agent: "pi",
  protocols: ["messages", "chat", "responses"],
  judge(protocol, events) {
    const { at, error } = thrown(events);
    const words = protocol === "messages" ? (events[at]?.data ?? "") : `${error.code}: ${error.message}`;
    return verdict(PI_WORDS.test(words));
  },
};

/** Beyond this it asks once more without a stream, and that answer has a status of its own. */
const claudeCode: AgentRule = {
  agent: "Claude Code",
  protocols: ["messages"],
  judge: (_protocol, events) => verdict(thrown(events).error.type === "overloaded_error"),
};

const CODEX_FINAL =
  /^(insufficient_quota|usage_not_included|context_length_exceeded|invalid_prompt|server_is_overloaded|cyber_policy|bio_policy)$/;

/** Reads `response.failed` alone. */
const codex: AgentRule = {
  agent: "Codex CLI",
  protocols: ["responses"],
  judge(_protocol, events) {
    const failed = events
      .map(({ data }) => dataObject(data))
      .find((value) => value?.type === "response.failed");
    const response = isObject(failed?.response) ? failed.response : {};
    const error = isObject(response.error) ? response.error : {};
    return verdict(!CODEX_FINAL.test(String(error.code)));
  },
};

const QWEN_FINAL =
  /^(content_?filter|invalid_api_key|insufficient_quota|model_access_denied|(invalid_request|authentication|permission|not_found|billing)_error|invalid_parameter|context_length_exceeded|request_too_large)$/i;

/**
 * On `messages` and `chat` an answer's request id makes it take an error without a status for a passing one, and Kleis's
 * answers always have one. On `responses` it goes by codes, and once there is text by those of a lost connection.
 */
const qwen: AgentRule = {
  agent: "Qwen Code",
  protocols: ["messages", "chat", "responses"],
  judge(protocol, events) {
    const { at, error } = thrown(events);
    if (protocol === "responses") {
      const isLost = /^(ECONNRESET|ETIMEDOUT)$/.test(String(error.code));
      const isTransient = /^(server_error|rate_limit_exceeded)$/.test(String(error.code));
      return verdict(isLost || (isTransient && !hasText(events.slice(0, at))));
    }
    if (/^(rate_limit|overloaded)_error$/.test(String(error.type)) || Number(error.code) > 0)
      return "repeats";
    return verdict(![error.code, error.type].some((name) => QWEN_FINAL.test(String(name))));
  },
};

/** Whatever broke it, a stream that has shown text is not repeated, nor is a plain drop. */
const cline: AgentRule = {
  agent: "Cline",
  protocols: ["messages", "chat", "responses"],
  judge(protocol, events) {
    const status = statusOfAiSdk(protocol, events);
    const { at, error } = thrown(events);
    if (hasText(events.slice(0, at))) return "gives up";
    if (status === 500 && protocol === "messages") return "gives up";
    if (status !== null) return verdict(status >= 500 || status === 429);
    return verdict(/provider returned error/i.test(text(error.message) ?? ""));
  },
};

export const AGENT_RULES: readonly AgentRule[] = [openCode, pi, claudeCode, codex, qwen, cline];

/** What each agent that speaks the protocol does with a stream of this text. */
export function verdicts(protocol: Protocol, stream: string): Record<string, Verdict> {
  const { events } = readEvents(new TextEncoder().encode(stream));
  const rules = AGENT_RULES.filter(({ protocols }) => protocols.includes(protocol));
  return Object.fromEntries(rules.map(({ agent, judge }) => [agent, judge(protocol, events)]));
}
