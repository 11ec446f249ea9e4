/** Anthropic's list of models, as `GET /v1/models` gives it in pages (`providers/claude.md` §3.6). */
import type { Dict } from "../inspect.ts";
import { type RecordedRequest, type Reply, refuse } from "../server.ts";
import { claudeError } from "./errors.ts";

export interface ClaudeModels {
  /** Newest first. */
  rows: readonly Dict[];
  /** Rows on a page at most, whatever is asked for. */
  perPage: number;
  /** Answers in place of the list; null for the list. */
  reply: ((request: RecordedRequest) => Reply) | null;
}

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 20;

const supported = (is: boolean) => ({ supported: is });

/** A row, with all that Anthropic's SDK of November 2026 knows of one. */
export function claudeModel(id: string, display_name: string, day: string, change: Dict = {}): Dict {
  const levels = ["low", "medium", "high", "max"].map((level) => [level, supported(true)]);
  return {
    type: "model",
    id,
    display_name,
    created_at: `${day}T00:00:00Z`,
    lifecycle: "active",
    line: "opus",
    deprecated_at: null,
    retires_at: null,
    max_input_tokens: 1_000_000,
    max_tokens: 128_000,
    capabilities: {
      batch: supported(true),
      citations: supported(true),
      effort: { ...supported(true), ...Object.fromEntries(levels), xhigh: null },
      image_input: supported(true),
      pdf_input: supported(true),
      structured_outputs: supported(true),
      thinking: {
        ...supported(true),
        types: { adaptive: supported(true), disabled: supported(true), enabled: supported(false) },
      },
    },
    ...change,
  };
}

const OLDER = { max_input_tokens: 200_000, max_tokens: 64_000, capabilities: null };

export const CLAUDE_MODELS: readonly Dict[] = [
  claudeModel("claude-opus-5-5", "Claude Opus 5.5", "2026-09-22"),
  claudeModel("claude-fable-5-1", "Claude Fable 5.1", "2026-09-01"),
  claudeModel("claude-opus-5", "Claude Opus 5", "2026-07-24"),
  claudeModel("claude-sonnet-5", "Claude Sonnet 5", "2026-06-29"),
  claudeModel("claude-fable-5", "Claude Fable 5", "2026-06-07"),
  claudeModel("claude-opus-4-8", "Claude Opus 4.8", "2026-05-28"),
  claudeModel("claude-opus-4-7", "Claude Opus 4.7", "2026-04-14"),
  claudeModel("claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17"),
  claudeModel("claude-opus-4-6", "Claude Opus 4.6", "2026-02-04"),
  // The older ones stand there with their dates alone.
  claudeModel("claude-opus-4-5-20251101", "Claude Opus 4.5", "2025-11-24", OLDER),
  claudeModel("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-15", OLDER),
  claudeModel("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "2025-09-29", { max_tokens: 64_000 }),
];

export function createClaudeModels(): ClaudeModels {
  return { rows: CLAUDE_MODELS, perPage: MAX_LIMIT, reply: null };
}

/** A look at the list, as opposed to one that only tries an API key. */
export function isModelList({ method, path, query }: RecordedRequest): boolean {
  return method === "GET" && path === "/v1/models" && query.get("limit") !== "1";
}

/** The page that a request asks for. */
export function answerModels(models: ClaudeModels, request: RecordedRequest): Reply {
  if (models.reply !== null) return models.reply(request);
  const { query } = request;
  const invalid = (message: string) => claudeError(400, "invalid_request_error", message);
  const limit = Number(query.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    refuse("limit out of range", invalid(`limit: Input should be between 1 and ${MAX_LIMIT}`));
  const extra = [...query.keys()].find((name) => !["limit", "after_id", "before_id"].includes(name));
  if (extra !== undefined) refuse(`query ${extra}`, invalid(`${extra}: Extra inputs are not permitted`));
  const after = query.get("after_id");
  const at = models.rows.findIndex(({ id }) => id === after);
  if (after !== null && at < 0) refuse("unknown after_id", invalid(`after_id: no such model: ${after}`));
  const rest = models.rows.slice(at + 1);
  const data = rest.slice(0, Math.min(limit, models.perPage));
  return {
    status: 200,
    headers: { "request-id": "req_fake" },
    body: {
      data,
      has_more: rest.length > data.length,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
    },
  };
}
