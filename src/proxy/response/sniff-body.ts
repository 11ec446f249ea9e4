/** The provider's body while it is read: with a limit on its silence, and sniffed for what it is. */
import type { ByteSource, Bytes } from "../../bytes.ts";
import { withTimeout } from "../../deadline.ts";
import { KleisError } from "../../errors.ts";
import type { ResponseContext } from "../context.ts";
import { bodySource, withHead } from "../stream/body-source.ts";
import { brokenBodyError, idleTimeoutError } from "../stream/outcome.ts";

type Context = Pick<ResponseContext, "runtime" | "stop">;

/**
 * The source with a limit on the provider's silence while it is read. Once that is reached the provider's side is stopped
 * and the read rejects with `upstream_timeout`.
 */
export function withIdleTimeout({ runtime, stop }: Context, source: ByteSource): ByteSource {
  const idleMs = runtime.config.KLEIS_IDLE_TIMEOUT_MS;
  return {
    read: () =>
      withTimeout(runtime.clock, idleMs, source.read(), () => {
        stop();
        const { code, message } = idleTimeoutError(idleMs);
        throw new KleisError(code, message);
      }),
    cancel: () => source.cancel(),
  };
}

/** How far the first byte that is not space is searched for; JSON may be held back after spaces. */
const SNIFF_BYTES = 64 * 1024;

/** Space between JSON's values, and a byte order mark. */
const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

export interface SniffedBody {
  /** `json`: an object or a list, as which no event stream begins; `blank`: only space as far as was read. */
  readonly kind: "json" | "blank" | "other";
  /** All of the body, from its first byte on. */
  readonly source: ByteSource;
}

/** Waits for the beginning of a body. Throws `KleisError` where none comes. */
export async function sniffBody(
  context: Context,
  body: Response["body"],
  sniffBytes = SNIFF_BYTES,
): Promise<SniffedBody> {
  const source = bodySource(body, context.runtime.clock);
  const limited = withIdleTimeout(context, source);
  const head: Bytes[] = [];
  let length = 0;
  let first: number | undefined;
  for (let isOver = false; !isOver && first === undefined && length < sniffBytes; ) {
    const { done, value } = await limited.read().catch((error: unknown) => {
      throw brokenBodyError(error);
    });
    isOver = done;
    if (value === undefined) continue;
    head.push(value);
    length += value.length;
    first = value.find((byte) => !SPACE.has(byte));
  }
  return { kind: kindOf(first, length), source: withHead(head, source) };
}

function kindOf(first: number | undefined, length: number): SniffedBody["kind"] {
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return "json";
  return first === undefined && length > 0 ? "blank" : "other";
}

/** An object whose first member says that it is an error. */
const ERROR_FIRST = /^\uFEFF?\s*\{\s*"(?:error"\s*:\s*[{"]|type"\s*:\s*"error")/;

/** Whether JSON begins as an error object, by its first piece. */
export async function sniffError(
  context: Context,
  source: ByteSource,
): Promise<{ readonly isError: boolean; readonly source: ByteSource }> {
  const { value } = await withIdleTimeout(context, source).read();
  if (value === undefined) return { isError: false, source };
  const isError = ERROR_FIRST.test(new TextDecoder().decode(value.subarray(0, 256)));
  return { isError, source: withHead([value], source) };
}
