/** The bytes of an answer while they come: given up in too long a silence, and told by their beginning what they are. */

import type { ByteSource } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { KleisError } from "../../errors.ts";
import type { Scene } from "../context.ts";
import { bodySource, withHead } from "../stream/body-source.ts";
import { brokenBodyError, idleTimeoutError } from "../stream/outcome.ts";

/**
 * The source with a limit on the provider's silence while it is read. Behind it the provider's side is ended, and the read
 * rejects with `upstream_timeout`.
 */
export function limited({ runtime, stop }: Scene, source: ByteSource): ByteSource {
  const idleMs = runtime.config.KLEIS_IDLE_TIMEOUT_MS;
  return {
    read() {
      return withTimeout(runtime.clock, idleMs, source.read(), () => {
        stop();
        const { code, message } = idleTimeoutError(idleMs);
        throw new KleisError(code, message);
      });
    },
    cancel: () => source.cancel(),
  };
}

/** How far is looked for the first byte that is not space; JSON may be held back behind spaces. */
const LOOK_BYTES = 64 * 1024;

/** Space between JSON's values, and a byte order mark. */
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

export interface LookedAt {
  /** True for an object or a list of JSON; no event stream begins like that. */
  readonly isJson: boolean;
  /** There was nothing but space as far as was looked. */
  readonly isUnknown: boolean;
  /** All of the body, from its first byte on. */
  readonly source: ByteSource;
}

/** Waits for the beginning of a body. Throws `KleisError` where none comes. */
export async function lookAt(
  scene: Scene,
  body: Response["body"],
  lookBytes = LOOK_BYTES,
): Promise<LookedAt> {
  const source = bodySource(body, scene.runtime.clock);
  const beginning = limited(scene, source);
  const begun: Uint8Array<ArrayBuffer>[] = [];
  let looked = 0;
  let first: number | undefined;
  for (let over = false; !over && first === undefined && looked < lookBytes; ) {
    const { done, value } = await beginning.read().catch((error: unknown) => {
      throw brokenBodyError(error);
    });
    over = done;
    if (value === undefined) continue;
    begun.push(value);
    looked += value.length;
    first = value.find((byte) => !SPACE.has(byte));
  }
  const isJson = first === OPEN_OBJECT || first === OPEN_ARRAY;
  return { isJson, isUnknown: looked > 0 && first === undefined, source: withHead(begun, source) };
}

/** An object whose first member says that it is an error. */
const ERROR_FIRST = /^\uFEFF?\s*\{\s*"(?:error"\s*:\s*[{"]|type"\s*:\s*"error")/;

/** Whether JSON begins as an error object, by its first piece. */
export async function beginsAsError(
  scene: Scene,
  source: ByteSource,
): Promise<{ readonly isError: boolean; readonly source: ByteSource }> {
  const { value } = await limited(scene, source).read();
  if (value === undefined) return { isError: false, source };
  const isError = ERROR_FIRST.test(new TextDecoder().decode(value.subarray(0, 256)));
  return { isError, source: withHead([value], source) };
}
