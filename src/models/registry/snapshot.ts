/** The registry that is built in: what Kleis knows of models before, and without, asking models.dev. */
import { parseJson } from "../../json.ts";
import type { RegistryData } from "./schema.ts";
import { readRegistry } from "./schema.ts";
import { SNAPSHOT_JSON } from "./snapshot.gen.ts";
import { type RegistryText, textOf } from "./splice.ts";

let decoded: RegistryData | undefined;

/** The embedded registry; decoded at first use, then the same object. */
export function snapshot(): RegistryData {
  decoded ??= readRegistry(parseJson(SNAPSHOT_JSON));
  return decoded;
}

let text: RegistryText | undefined;

/** The embedded registry as text. */
export async function snapshotText(): Promise<RegistryText> {
  text ??= await textOf(new TextEncoder().encode(SNAPSHOT_JSON));
  return text;
}
