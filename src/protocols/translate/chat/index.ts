/** Chat Completions to the model and back. */
import type { ProtocolCodec } from "../codec.ts";
import { decodeEvents, decodeResponse } from "./decode-events.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeEvents, foldEvents } from "./encode-events.ts";
import { encodeRequest } from "./encode-request.ts";

export const CHAT: ProtocolCodec = {
  protocol: "chat",
  decodeRequest,
  encodeRequest,
  decodeEvents,
  decodeResponse,
  encodeEvents,
  foldEvents,
};
