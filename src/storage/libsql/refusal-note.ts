/** The note of an account's last refusal as its column holds it. It never locks an account out: an unreadable note counts as none. */
import * as z from "zod/mini";
import { CLASSES, SCOPES } from "../../providers/refusal.ts";
import type { RefusalNote } from "../port.ts";
import { parsed } from "./decode.ts";

const stored = z.object({
  class: z.enum(CLASSES),
  scope: z.enum(SCOPES),
  model: z.string(),
  counts: z.boolean(),
  words: z.nullable(z.string()),
  advice: z.string(),
  at: z.int(),
});

/** Takes whatever the column holds. */
export const refusalNote = z.pipe(
  z.unknown(),
  z.transform((column): RefusalNote | null => stored.safeParse(parsed(column)).data ?? null),
);
