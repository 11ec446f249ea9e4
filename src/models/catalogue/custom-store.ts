/** Where the operator's own models are kept: one setting, read by every process. */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import type { Runtime } from "../../runtime.ts";
import { type CachedSetting, cacheSetting } from "../cached-setting.ts";
import { type CustomModel, customSchema, MAX_CUSTOM } from "./custom-model.ts";

/** The longest time that a change made by another process stays unseen, ms. */
const FRESH_MS = 10_000;

export const customList = z
  .array(customSchema, "must be a list of models")
  .check(z.maxLength(MAX_CUSTOM, `must have at most ${MAX_CUSTOM} entries`));

export function cacheCustomModels(runtime: Runtime): CachedSetting<readonly CustomModel[]> {
  return cacheSetting<readonly CustomModel[]>(runtime, {
    key: "models.custom",
    freshMs: FRESH_MS,
    encode: (models) => JSON.stringify(models),
    decode(text) {
      if (text === null) return [];
      const list = customList.safeParse(parseJson(text));
      return list.success ? list.data : undefined;
    },
  });
}
