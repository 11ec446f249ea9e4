/** Messages to the model and back. */
import type { ProtocolCodec } from "../codec.ts";
import { MessagesDecoder } from "./decode-events.ts";
import { decodeRequest } from "./decode-request.ts";
import { MessagesEncoder } from "./encode-events.ts";
import { encodeRequest } from "./encode-request.ts";
import { decodeResponse, MessagesFold } from "./json.ts";

export const MESSAGES: ProtocolCodec = {
  protocol: "messages",
  decodeRequest,
  encodeRequest,
  decodeEvents: (options) => new MessagesDecoder(options),
  decodeResponse,
  encodeEvents: (context) => new MessagesEncoder(context),
  foldEvents: (context) => new MessagesFold(context),
};
