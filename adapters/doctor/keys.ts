/** What is said of the issued keys, by how many of them can be used. */
import type { Finding } from "./finding.ts";

export function keysOf(live: number): Finding {
  if (live > 0) return { area: "keys", level: "ok", text: `${live} can be used.` };
  const advice = "Issue one on the admin page.";
  return { area: "keys", level: "note", text: "There is none that can be used.", advice };
}
