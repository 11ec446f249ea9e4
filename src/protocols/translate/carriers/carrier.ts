/**
 * Carriers: how a client keeps another protocol's reasoning for Kleis. A provider's signature, encrypted content or opaque
 * text travels in the one place of the client's protocol that clients send back unread (Messages `signature`, Responses
 * `encrypted_content`, chat `reasoning_details[].data`), marked with the provider and account that can read it.
 *
 * Form: `kls1.<provider>.<tag>.<base64url of JSON>`.
 */
import { isObject, type JsonObject, parseJson, text } from "../../../json.ts";
import { fromBase64url, toBase64url } from "./base64url.ts";
import { hexDigest } from "./digest.ts";

/** The account and model that made a piece of reasoning, and alone can read it. */
export interface CarrierOwner {
  /** The provider's id. */
  readonly provider: string;
  /** `accountTag` of the account. */
  readonly tag: string;
  /** What else must be equal for the piece to be readable: a model id (OpenAI), or a family of models (Claude). */
  readonly scope: string;
}

/**
 * What the provider's own protocol needs to get back. The readable text stands inside: clients reshape what they show, cut
 * it or leave it out.
 */
export type CarrierPayload =
  | {
      readonly from: "responses";
      /** Base64 that the backend made. */
      readonly encrypted: string;
      /** The texts of its summary parts. */
      readonly summary: readonly string[];
    }
  /** The signature covers every character. */
  | { readonly from: "messages"; readonly signature: string; readonly text: string }
  | { readonly from: "messages"; readonly redacted: string }
  | { readonly from: "chat"; readonly opaque: string; readonly text: string };

export interface Carrier {
  readonly owner: CarrierOwner;
  readonly payload: CarrierPayload;
}

/** How every carrier begins. */
export const CARRIER_MARK = "kls1.";

/** Longer ones are not read: 1 Mi characters. */
export const MAX_CARRIER = 1024 * 1024;

const FORM = /^kls1\.([a-z0-9-]{1,32})\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** Eight hex digits that stand for an account without naming it. */
export function accountTag(accountId: string): string {
  return hexDigest(accountId, 8);
}

export function writeCarrier({ provider, tag, scope }: CarrierOwner, payload: CarrierPayload): string {
  return `${CARRIER_MARK}${provider}.${tag}.${toBase64url(JSON.stringify({ scope, ...payload }))}`;
}

/** Reads what a client sent back; undefined for what is no carrier, or no whole one. */
export function readCarrier(source: string | undefined): Carrier | undefined {
  if (source === undefined || source.length > MAX_CARRIER || !source.startsWith(CARRIER_MARK))
    return undefined;
  const [, provider = "", tag = "", encoded = ""] = FORM.exec(source) ?? [];
  const value = parseJson(fromBase64url(encoded) ?? "");
  if (!isObject(value) || typeof value.scope !== "string") return undefined;
  const payload = payloadOf(value);
  return payload && { owner: { provider, tag, scope: value.scope }, payload };
}

/** The payload where the account and model of a request can read it. */
export function restoreCarrier<From extends CarrierPayload["from"]>(
  carrier: Carrier | undefined,
  owner: CarrierOwner,
  from: From,
): Extract<CarrierPayload, { from: From }> | undefined {
  if (carrier === undefined || carrier.payload.from !== from) return undefined;
  const { provider, tag, scope } = carrier.owner;
  if (provider !== owner.provider || tag !== owner.tag || scope !== owner.scope) return undefined;
  return carrier.payload as Extract<CarrierPayload, { from: From }>;
}

function payloadOf(value: JsonObject): CarrierPayload | undefined {
  const words = typeof value.text === "string" ? value.text : undefined;
  switch (value.from) {
    case "responses": {
      const encrypted = text(value.encrypted);
      const { summary } = value;
      if (encrypted === undefined || !Array.isArray(summary)) return undefined;
      const texts = summary.filter((part) => typeof part === "string");
      return texts.length === summary.length ? { from: "responses", encrypted, summary: texts } : undefined;
    }
    case "messages": {
      const redacted = text(value.redacted);
      if (redacted !== undefined) return { from: "messages", redacted };
      const signature = text(value.signature);
      if (signature === undefined || words === undefined) return undefined;
      return { from: "messages", signature, text: words };
    }
    case "chat": {
      const opaque = text(value.opaque);
      return opaque === undefined || words === undefined ? undefined : { from: "chat", opaque, text: words };
    }
    default:
      return undefined;
  }
}
