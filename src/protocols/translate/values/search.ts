/** A web search of an earlier turn as text, for a provider that did not run it. */
import type { SearchItem } from "../model.ts";

/** What was searched for and found, in the assistant's words; the same in every turn. */
export function searchDigest({ queries, results }: Pick<SearchItem, "queries" | "results">): string {
  const lines = queries.map((query) => `Searched the web for: ${query}`);
  if (lines.length === 0) lines.push("Searched the web.");
  for (const { title, url } of results) lines.push(title === "" ? `- ${url}` : `- ${title}: ${url}`);
  return lines.join("\n");
}
