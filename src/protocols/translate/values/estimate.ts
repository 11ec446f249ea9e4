/** How many tokens a request has, by arithmetic: for a provider that does not count them. */
import type { Item, ModelRequest, Part } from "../model.ts";

/** UTF-8 bytes of prose, code and JSON that make one token, on average over OpenAI's and Claude's tokenizers. */
const BYTES_PER_TOKEN = 3.6;
/** Tokens that a message has beside its words. */
const PER_MESSAGE = 4;
/** Tokens of an image of the largest size that is not scaled down. */
const PER_IMAGE = 1600;
/** Characters of base64 that make one token of a document: a PDF's page has some 70 kB and 2000 tokens. */
const BASE64_PER_TOKEN = 45;
/** Rather too many: an agent that shortens too late loses its request. */
const MARGIN = 1.1;

const encoder = new TextEncoder();

/** Tokens of the whole input, rounded up. */
export function estimateTokens({ system, items, tools }: ModelRequest): number {
  let bytes = 0;
  let tokens = 0;
  const add = (text: string) => {
    bytes += byteLength(text);
  };
  for (const part of system) add(part.text);
  for (const tool of tools) add(JSON.stringify({ ...tool, at: "" }));
  for (const item of items) {
    tokens += PER_MESSAGE;
    tokens += addItem(item, add);
  }
  return Math.ceil((bytes / BYTES_PER_TOKEN + tokens) * MARGIN);
}

/** Adds the item's texts; returns the tokens of its media. */
function addItem(item: Item, add: (text: string) => void): number {
  switch (item.type) {
    case "message":
    case "result":
      return item.parts.reduce((sum, part) => sum + addPart(part, add), 0);
    case "call":
      add(item.name);
      add(item.input);
      return 0;
    case "search":
      add(JSON.stringify([item.queries, item.results]));
      return 0;
    case "reasoning":
      // Counted where it is sent on: as text, which its carrier repeats.
      if (item.carrier !== undefined) add(item.text);
      return 0;
  }
}

function addPart(part: Part, add: (text: string) => void): number {
  switch (part.type) {
    case "text":
    case "refusal":
      add(part.text);
      return 0;
    case "image":
      return PER_IMAGE;
    case "document":
      return part.source.kind === "url" ? PER_IMAGE : Math.ceil(part.source.data.length / BASE64_PER_TOKEN);
    case "audio":
      return Math.ceil(part.data.length / BASE64_PER_TOKEN);
  }
}

/** Bytes in UTF-8; only what is not ASCII is worth encoding. */
function byteLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  return /^[\u0000-\u007f]*$/.test(text) ? text.length : encoder.encode(text).length;
}
