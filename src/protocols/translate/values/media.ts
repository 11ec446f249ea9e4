/** Images and files between the forms that the protocols write them in. */
import { base64Text } from "../carriers/base64url.ts";
import type { DocumentPart, MediaSource } from "../model.ts";

const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*);base64,(.*)$/s;

/** A URL, or the bytes that a data URL holds. */
export function mediaSource(url: string): MediaSource {
  const [whole, mediaType = "", , data = ""] = DATA_URL.exec(url) ?? [];
  return whole === undefined
    ? { kind: "url", url }
    : { kind: "base64", mediaType: mediaType === "" ? "text/plain" : mediaType, data };
}

/** The content of a file: a data URL, or base64 alone, which is taken for a PDF. */
export function fileSource(data: string): MediaSource {
  return data.startsWith("data:")
    ? mediaSource(data)
    : { kind: "base64", mediaType: "application/pdf", data };
}

/** As a URL or data URL. */
export function mediaUrl(source: MediaSource): string {
  return source.kind === "url" ? source.url : `data:${source.mediaType};base64,${source.data}`;
}

/** The words of a document of a text type; undefined for any other, and for what is no UTF-8. */
export function plainText({ source }: Pick<DocumentPart, "source">): string | undefined {
  if (source.kind !== "base64" || !source.mediaType.startsWith("text/")) return undefined;
  return base64Text(source.data);
}
