/** Reads a request body once, up to a limit, and parses it once. Refuses what Kleis cannot read, in words. */
import { KleisError } from "../errors.ts";
import { joinBytes } from "../join-bytes.ts";
import { isObject, type Json } from "../json.ts";
import type { JsonBody } from "../protocols/body.ts";
import type { Runtime } from "../runtime.ts";
import { checkBytes, checkDepth } from "./json-limits.ts";
import { checkOneModel } from "./one-model.ts";

/** 32 MiB, Anthropic's own limit (providers/claude.md §3.1). */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

const decoder = new TextDecoder();

type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>;

export async function readJsonBody(request: Request, runtime: Pick<Runtime, "zstd">): Promise<JsonBody> {
  const bytes = await readBytes(unpacked(request, runtime), request.headers.get("content-length"));
  if (bytes.length === 0)
    throw new KleisError("invalid_json", "The request body is empty. Send a JSON object.");
  checkBytes(bytes);
  const text = decoder.decode(bytes);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new KleisError("invalid_json", "The request body is not valid JSON.");
  }
  if (!isObject(value)) throw new KleisError("invalid_request", "The request body must be a JSON object.");
  checkDepth(value);
  checkOneModel(text, bytes, value);
  return { bytes, value };
}

/** The body as it was before it was compressed. */
function unpacked(request: Request, runtime: Pick<Runtime, "zstd">): ByteStream | null {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const body: ByteStream | null = request.body;
  if (encoding === "identity" || encoding === "" || body === null) return body;
  if (encoding === "gzip" || encoding === "x-gzip") return body.pipeThrough(new DecompressionStream("gzip"));
  if (encoding === "deflate") return body.pipeThrough(new DecompressionStream("deflate"));
  if (encoding === "zstd" && runtime.zstd !== undefined) return runtime.zstd(body);
  const readable = runtime.zstd === undefined ? "gzip, deflate" : "gzip, deflate, zstd";
  throw new KleisError(
    "unsupported_encoding",
    `Kleis does not read this content-encoding here. Send the request uncompressed, or as ${readable}.`,
    { headers: { "accept-encoding": readable } },
  );
}

async function readBytes(body: ByteStream | null, declared: string | null): Promise<Uint8Array<ArrayBuffer>> {
  if (declared !== null && Number(declared) > MAX_BODY_BYTES) throw tooLarge();
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new KleisError(
        "invalid_request",
        "The request body could not be read: it is cut short or wrongly compressed.",
      );
    });
    if (done) break;
    length += value.length;
    if (length > MAX_BODY_BYTES) {
      reader.cancel().catch(() => {});
      throw tooLarge();
    }
    parts.push(value);
  }
  return joinBytes(parts, length);
}

function tooLarge(): KleisError {
  return new KleisError(
    "request_too_large",
    `The request body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB.`,
  );
}
