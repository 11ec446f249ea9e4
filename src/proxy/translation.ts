/**
 * Joins translation to a request: the client's body as one in the protocol that the provider speaks, and what turns the
 * response back.
 */

import { toHex } from "../bytes.ts";
import type { JsonObject } from "../json.ts";
import type { Change, JsonBody } from "../protocols/body.ts";
import { encodeJson } from "../protocols/json-edit.ts";
import { type Protocol, protocolOf } from "../protocols/protocol.ts";
import { type ResponseFacts, translateRequest } from "../protocols/translate/index.ts";
import { MESSAGES_BETAS, PROTOCOL_HEADERS } from "../protocols/wire-names.ts";
import type { ProviderAccount } from "../providers/account.ts";
import type { Runtime } from "../runtime.ts";
import type { ProxyCall, ResponseTranslation, Target } from "./context.ts";

/** A request in the provider's protocol. */
export interface TranslatedRequest {
  readonly body: JsonBody;
  readonly headers: Headers;
  readonly changes: readonly Change[];
  readonly back: ResponseTranslation;
}

export interface TranslationInput {
  readonly runtime: Pick<Runtime, "clock" | "random">;
  readonly call: Pick<ProxyCall, "operation" | "requestId">;
  readonly target: Target;
  readonly account: Pick<ProviderAccount, "id" | "kind">;
  /** The provider's protocol. */
  readonly to: Protocol;
  /** The client's headers, without credentials. */
  readonly headers: Headers;
  readonly body: JsonObject;
}

/** Throws `KleisError` for a request that cannot be carried. */
export function translate(input: TranslationInput): TranslatedRequest {
  const { runtime, call, target, account, to, body } = input;
  const { provider, resolved, describe } = target;
  const { model } = resolved;
  const traits = provider.traits({ protocol: to, model, account, described: describe(account) });
  const translation = translateRequest(protocolOf(call.operation), to, body, traits);
  const { stream, collect, whole, from, changes } = translation;
  const facts = (): ResponseFacts => ({
    id: toHex(runtime.random(ID_BYTES)),
    createdAt: Math.floor(runtime.clock.now() / 1000),
    requestId: call.requestId,
  });
  return {
    body: { bytes: encodeJson(translation.body), value: translation.body },
    headers: translatedHeaders(input.headers, translation.betas),
    changes: resolved.change === null ? changes : [...changes, resolved.change],
    back: {
      from,
      to,
      stream: () => stream(facts()),
      collect: () => collect(facts()),
      whole: (value) => whole(value, facts()),
    },
  };
}

const ID_BYTES = 12;

function translatedHeaders(client: Headers, betas: readonly string[]): Headers {
  const headers = new Headers();
  client.forEach((value, name) => {
    if (!PROTOCOL_HEADERS.test(name)) headers.append(name, value);
  });
  if (betas.length > 0) headers.set(MESSAGES_BETAS, betas.join(","));
  return headers;
}
