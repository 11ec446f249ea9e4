/** The `betas` that Anthropic's SDK lets a body carry and moves into the `anthropic-beta` header itself. */
import type { JsonObject } from "../../json.ts";

/** A beta as it can stand in a header; a list may be written in one string. */
const BETA = /^[\x20-\x7e]*$/;

/** The body's `betas` when it is the list that SDKs write; null for anything else, which stays for the API to refuse. */
export function bodyBetas({ betas }: JsonObject): string[] | null {
  if (!Array.isArray(betas)) return null;
  const strings = betas.filter((beta) => typeof beta === "string");
  return strings.length === betas.length && strings.every((beta) => BETA.test(beta)) ? strings : null;
}

/** The names in a list that is separated by commas. */
export function splitBetas(list: string): string[] {
  return list
    .split(",")
    .map((beta) => beta.trim())
    .filter((beta) => beta !== "");
}
