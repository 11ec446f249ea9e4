/** The registry that is built in: what Kleis knows of models before, and without, asking models.dev. */
import { parseJson } from "../json.ts";
import type { ModelSource, RegistryData } from "./registry.ts";
import { readRegistry } from "./registry.ts";
import { SNAPSHOT_JSON } from "./snapshot.gen.ts";

let decoded: RegistryData | undefined;

/** The embedded registry; decoded at first use, then the same object. */
export function snapshot(): RegistryData {
  decoded ??= readRegistry(parseJson(SNAPSHOT_JSON));
  return decoded;
}

export const snapshotSource: ModelSource = { current: snapshot };
