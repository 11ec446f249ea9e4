/** Addresses of the page of models and of what is done there. They carry what the page shows, so that it stays. */
import { PATH } from "../../ui/layout.tsx";

/** The members of the page's address that say what it shows: the chosen key, and what is searched for. */
export const SHOWN = ["key", "q"] as const;

/** `shown` is as in `SHOWN`; `more` is what the step itself needs. */
export function modelsPath(
  shown: URLSearchParams,
  under: "" | "/refresh" | "/new" | "/change" | "/remove" = "",
  more: Readonly<Record<string, string>> = {},
): string {
  const search = new URLSearchParams([...Object.entries(more), ...shown]).toString();
  return `${PATH.models}${under}${search === "" ? "" : `?${search}`}`;
}
