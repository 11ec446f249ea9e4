/** The list of models in the pages in which clients of the Messages protocol ask for it. */
import type { ListedModel, ModelPage } from "./list.ts";

export type PageResult = { ok: true; page: ModelPage } | { ok: false; param: string; message: string };

const MAX_LIMIT = 1000;

/**
 * Cuts the page that `limit`, `after_id` and `before_id` ask for. Without `limit` the page is all there is: several
 * clients never ask for a second one.
 */
export function pageOf(models: readonly ListedModel[], query: URLSearchParams): PageResult {
  const limit = readLimit(query.get("limit"));
  if (limit === undefined) {
    return { ok: false, param: "limit", message: `\`limit\` must be a number from 1 to ${MAX_LIMIT}.` };
  }
  const after = query.get("after_id");
  const before = query.get("before_id");
  if (after !== null && before !== null) {
    return { ok: false, param: "before_id", message: "Give `after_id` or `before_id`, not both." };
  }
  const cursor = after ?? before;
  if (cursor === null) return { ok: true, page: first(models, limit) };
  const at = models.findIndex(({ id }) => id === cursor);
  if (at < 0) {
    const param = after === null ? "before_id" : "after_id";
    return { ok: false, param, message: `\`${param}\` is no id of this list. Start again without it.` };
  }
  if (before === null) return { ok: true, page: first(models.slice(at + 1), limit) };
  const earlier = models.slice(0, at);
  return { ok: true, page: { models: last(earlier, limit), hasMore: earlier.length > limit } };
}

function readLimit(value: string | null): number | undefined {
  if (value === null) return Number.POSITIVE_INFINITY;
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  return limit >= 1 && limit <= MAX_LIMIT ? limit : undefined;
}

function first(models: readonly ListedModel[], limit: number): ModelPage {
  return { models: models.slice(0, limit), hasMore: models.length > limit };
}

/** The page next to a `before_id`: its nearest neighbours, still newest first. */
function last(models: readonly ListedModel[], limit: number): readonly ListedModel[] {
  return models.slice(Math.max(0, models.length - limit));
}
