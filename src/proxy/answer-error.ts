/** Reads a provider's error answer, so that it can be told in the caller's protocol. */
import { parseJson } from "../json.ts";
import { limited } from "./answer-body.ts";
import { hideInBody } from "./hide-credential.ts";
import type { Scene } from "./scene.ts";
import { readBody, readText } from "./source.ts";

/** The largest error body that is read to be reshaped, bytes. */
const MAX_ERROR_BYTES = 1024 * 1024;

/**
 * An error answer, read: in the caller's protocol as `value`; `source` is its text when it passes as it came. Throws
 * `KleisError` when it breaks off.
 */
export async function readError(scene: Scene, response: Response) {
  const { answer } = scene.ready;
  const type = response.headers.get("content-type") ?? "";
  const source =
    (await readText(
      limited(scene, hideInBody(readBody(response.body), scene.facts.sentTokens)),
      MAX_ERROR_BYTES,
    )) ?? "";
  const reshaped = answer.error?.(response.status, type, source) ?? null;
  if (reshaped !== null)
    return { status: reshaped.status ?? response.status, value: reshaped.body, source: null };
  return { status: response.status, value: parseJson(source) ?? source, source };
}
