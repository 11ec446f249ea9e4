/** The list of models that Anthropic keeps, for plans as for API keys, in pages (providers/claude.md §3.6). */
import * as z from "zod/mini";
import { isObject, text } from "../../json.ts";
import { effortOptions } from "../efforts.ts";
import type { ListedModel, ListPages, ModelList } from "../provider.ts";
import { accountHeaders } from "./headers.ts";
import { PROFILE } from "./profile.ts";

const { models } = PROFILE;

const pages: ListPages = {
  next(url, body) {
    if (!isObject(body) || body.has_more !== true) return null;
    const last = Array.isArray(body.data) ? body.data.at(-1) : undefined;
    const cursor = text(body.last_id) ?? (isObject(last) ? text(last.id) : undefined) ?? "";
    const next = new URL(url);
    // Without a cursor it is this page again, which is refused.
    if (cursor !== "" && cursor.length <= models.maxId) next.searchParams.set(models.cursor, cursor);
    return next.href;
  },
  join(bodies) {
    const lists = bodies.map((body) => (isObject(body) && Array.isArray(body.data) ? body.data : null));
    return lists.includes(null) ? null : { data: lists.flatMap((rows) => rows ?? []) };
  },
};

export const modelList: ModelList = {
  kinds: ["oauth", "api_key"],
  request: (_account, credential, config) => ({
    url: `${config.CLAUDE_API_URL}${models.path}?limit=${models.perPage}`,
    headers: accountHeaders(credential),
  }),
  pages,
  decode(body) {
    const list = z.object({ data: z.array(z.unknown()) }).safeParse(body);
    if (!list.success) return null;
    const rows = list.data.data.flatMap((value) => {
      const row = rowSchema.safeParse(value);
      return row.success ? [row.data] : [];
    });
    // Of an id that stands there twice the first row counts.
    const byId = new Map(rows.toReversed().map((row) => [row.id, row]));
    const distinct = [...byId.values()].reverse();
    return rows.length === 0 ? null : distinct.filter(isUsable).map(modelOf);
  },
  // A dated id is one state of the model that the id without its date stands for, and answers to both.
  aliases: (id) => (models.date.test(id) ? [id.replace(models.date, "")] : []),
};

/** A member that is left out where it is of another shape: it does not cost the row. */
function optional<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.catch(z.optional(schema), undefined);
}

const tokens = z.number().check(z.positive());
const support = optional(z.object({ supported: z.boolean() }));
const members = optional(z.record(z.string(), z.unknown()));

/** All that a model is judged by. */
const rowSchema = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(models.maxId)),
  type: z.optional(z.literal("model")),
  display_name: optional(z.string().check(z.minLength(1))),
  created_at: optional(z.string()),
  lifecycle: optional(z.string()),
  max_input_tokens: optional(tokens),
  max_tokens: optional(tokens),
  capabilities: optional(
    z.object({
      image_input: support,
      pdf_input: support,
      effort: members,
      thinking: optional(z.object({ supported: z.boolean(), types: members })),
    }),
  ),
});
type Row = z.output<typeof rowSchema>;

function isUsable({ id, lifecycle }: Row): boolean {
  return models.family.test(id) && lifecycle !== "retired";
}

/** `max_input_tokens` is the whole window: prompt and answer share it, as in the registry. */
function modelOf(row: Row): ListedModel {
  const { max_input_tokens: context, max_tokens: output } = row;
  const { image_input, pdf_input, effort, thinking } = row.capabilities ?? {};
  const sees = image_input?.supported ?? true;
  const input = ["text", ...(sees ? ["image"] : []), ...(pdf_input?.supported ? ["pdf"] : [])];
  const reasoning = thinking?.supported ?? true;
  return {
    id: row.id,
    operations: ["messages", "count_tokens"],
    limit: { ...(context === undefined ? {} : { context }), ...(output === undefined ? {} : { output }) },
    model: {
      id: row.id,
      name: row.display_name ?? row.id,
      ...(row.lifecycle === "deprecated" ? { status: "deprecated" } : {}),
      attachment: sees,
      reasoning,
      ...(reasoning ? reasoningOptions(effort ?? {}, thinking?.types ?? {}) : {}),
      tool_call: true,
      release_date: dateOf(row.created_at ?? "") ?? models.unknown.release,
      modalities: { input, output: ["text"] },
      limit: { context: context ?? models.unknown.context, output: output ?? models.unknown.output },
    },
  };
}

/** How the reasoning can be tuned, in the registry's terms. */
function reasoningOptions(effort: Record<string, unknown>, types: Record<string, unknown>) {
  const efforts = isSupported(effort) ? models.efforts.filter((level) => isSupported(effort[level])) : [];
  const { reasoning_options: options = [] } = effortOptions(efforts);
  const budget = isSupported(types.enabled) ? [{ type: "budget_tokens", min: models.minBudget }] : [];
  return { reasoning_options: [...options, ...budget] };
}

function isSupported(value: unknown): boolean {
  return isObject(value) && value.supported === true;
}

/** `YYYY-MM-DD` of an RFC 3339 time. */
function dateOf(time: string): string | undefined {
  return /^\d{4}-\d{2}-\d{2}(?=T)/.exec(time)?.[0];
}
