/** Which headers and body fields an agent sends, by endpoint: names and shapes, no contents. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Exchange, headersOf, type Message } from "../conformance/exchange.ts";
import { shapeOf } from "./shape.ts";

export interface Fields {
  /** Names in the query string. */
  query: string[];
  /** Lower case; one that holds a list of names is there once for each of them. */
  headers: string[];
  body: string[];
}

/** Keys look like `POST /v1/messages`. */
export type FieldsByEndpoint = Record<string, Fields>;

const KINDS = ["query", "headers", "body"] as const;

/** Headers whose values are names of features. */
const LISTS = new Set(["anthropic-beta", "x-codex-beta-features"]);

export function fieldsOf(exchanges: readonly Exchange[]): FieldsByEndpoint {
  return merge(
    exchanges.map(({ method, path, request }) => {
      const { pathname, searchParams } = new URL(path, "http://kleis");
      const lines = request.head.split("\r\n").slice(1);
      const fields: Fields = {
        query: [...searchParams.keys()],
        headers: lines.flatMap(namesOf),
        body: bodyShape(request),
      };
      return { [`${method} ${pathname}`]: fields };
    }),
  );
}

/** All fields of several, each once, sorted. */
export function merge(all: readonly FieldsByEndpoint[]): FieldsByEndpoint {
  const endpoints = [...new Set(all.flatMap((each) => Object.keys(each)))].sort();
  return Object.fromEntries(
    endpoints.map((endpoint) => {
      const union = (kind: (typeof KINDS)[number]) =>
        [...new Set(all.flatMap((each) => each[endpoint]?.[kind] ?? []))].sort();
      return [endpoint, { query: union("query"), headers: union("headers"), body: union("body") }];
    }),
  );
}

/** What is in `now` and not in `before`, one line each; an endpoint that is new as a whole is one line. */
export function newIn(now: FieldsByEndpoint, before: FieldsByEndpoint): string[] {
  return Object.entries(now).flatMap(([endpoint, fields]) => {
    const known = before[endpoint];
    if (known === undefined) return [`${endpoint}: not asked for before`];
    return KINDS.flatMap((kind) =>
      fields[kind]
        .filter((field) => !known[kind].includes(field))
        .map((field) => `${endpoint} ${kind}: ${field}`),
    );
  });
}

function namesOf(line: string): string[] {
  const at = line.indexOf(":");
  const name = line.slice(0, at).toLowerCase();
  if (!LISTS.has(name)) return [name];
  return line
    .slice(at + 1)
    .split(",")
    .map((value) => `${name}: ${value.trim()}`);
}

function bodyShape(request: Message): string[] {
  if (request.body.length === 0) return [];
  try {
    return shapeOf(JSON.parse(textOf(request)));
  } catch {
    return ["not JSON"];
  }
}

/** The body of a request as text; unpacks what agents pack it with. */
export function textOf(request: Message): string {
  const [packing] = headersOf(request, "content-encoding");
  return unpack(request.body, packing).toString("utf8");
}

function unpack(body: Buffer, packing: string | undefined): Buffer {
  if (packing === "gzip") return gunzipSync(body);
  if (packing === "br") return brotliDecompressSync(body);
  if (packing === "zstd") return zstdDecompressSync(body);
  return body;
}
