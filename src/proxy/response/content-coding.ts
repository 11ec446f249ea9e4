/**
 * Content codings that were not asked for. Kleis asks providers for plain bytes; some compress their responses all the same,
 * and some runtimes decompress them and keep the label. gzip is recognised where a body is read (stream/body-source.ts).
 */
import type { Bytes } from "../../bytes.ts";
import { KleisError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import { withHead } from "../stream/body-source.ts";
import { type CompressedStream, decompressWithin } from "../stream/decompress.ts";
import { toStream } from "../stream/to-stream.ts";

/** Codings that leave the bytes as they are, or are recognised by them. */
const PLAIN: ReadonlySet<string> = new Set(["", "identity", "gzip", "x-gzip"]);

/**
 * The response with a readable body. Throws `upstream_invalid_response` for one that cannot be decompressed here; an error
 * keeps its status, without its body.
 */
export async function decodeContent(
  runtime: Pick<Runtime, "zstd" | "clock">,
  response: Response,
): Promise<Response> {
  const coding = (response.headers.get("content-encoding") ?? "").trim().toLowerCase();
  const { body, status, statusText, headers } = response;
  if (PLAIN.has(coding) || body === null) return response;
  const reader = body.getReader();
  const first = await reader.read().catch(() => ({ done: true, value: undefined }) as const);
  const head = first.value ?? new Uint8Array(0);
  const whole = withHead([head], reader);
  const decompress = isText(head) ? null : decompressorOf(runtime, coding, head);
  if (isText(head) || decompress !== null) {
    const source = decompress === null ? whole : decompressWithin(whole, decompress, runtime.clock);
    return new Response(toStream(source, { onEnd: () => {} }), { status, statusText, headers });
  }
  await reader.cancel().catch(() => {});
  if (status >= 400) return new Response(null, { status, statusText, headers });
  throw new KleisError(
    "upstream_invalid_response",
    `The provider compressed its response as ${/^[\w, -]{1,40}$/.test(coding) ? coding : "something unknown"}, which was not asked for and cannot be decompressed here. Try again.`,
  );
}

/** The fields of an event stream (HTML Standard, "Parsing an event stream"). */
const FIELDS = ["data", "event", "id", "retry"];

/** True for bytes that begin as JSON or an event stream does, however few they are: these are decompressed already. */
function isText(head: Bytes): boolean {
  const text = new TextDecoder().decode(head.subarray(0, 64)).trimStart();
  return /^(?:$|[[{:])/.test(text) || FIELDS.some((name) => text.startsWith(name) || name.startsWith(text));
}

const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** Null where the coding is unknown, or the runtime cannot decompress it. */
function decompressorOf(
  { zstd }: Pick<Runtime, "zstd">,
  coding: string,
  head: Bytes,
): ((body: CompressedStream) => CompressedStream) | null {
  switch (coding) {
    case "deflate":
      return decompressor(isZlib(head) ? "deflate" : "deflate-raw");
    case "br":
      return decompressor("brotli");
    case "zstd":
      return ZSTD.every((byte, at) => head[at] === byte) ? (zstd ?? null) : null;
    default:
      return null;
  }
}

/** RFC 1950 §2.2; some servers leave this header out. */
function isZlib([method = 0, flags = 0]: Bytes): boolean {
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
}

function decompressor(format: string): ((body: CompressedStream) => CompressedStream) | null {
  try {
    // Some runtimes know more formats than the standard, such as brotli.
    const stream = new DecompressionStream(format as CompressionFormat);
    return (body) => body.pipeThrough(stream);
  } catch {
    return null;
  }
}
