/**
 * A request as one account sends it: translated where the account speaks another protocol than the client, prepared by the
 * provider, and with the edits made in the body's bytes.
 */
import { withoutCredentials } from "../../keys/extract.ts";
import type { Change, Edit, JsonBody } from "../../protocols/body.ts";
import { MAX_EDITS, tooManyEdits } from "../../protocols/edit-limit.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import { type Operation, protocolOf } from "../../protocols/protocol.ts";
import { foreignReasoningEdits, mayHoldCarriers } from "../../protocols/translate/carriers/foreign.ts";
import type { Credential } from "../../providers/account.ts";
import type { PrepareInput } from "../../providers/provider.ts";
import type { Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { ProxyCall, ReadyRequest, ResponseTranslation, Target } from "../context.ts";
import { translate } from "../translation.ts";
import type { RequestBody } from "./request-body.ts";

export interface PrepareOptions {
  readonly account: AccountRecord;
  /** What the account is asked for. */
  readonly operation: Operation;
  readonly credential: Credential;
  /** Leave out sealed reasoning, and why. */
  readonly unsealed?: PrepareInput["unsealed"];
}

/** What the provider is given to prepare. */
interface Asked {
  readonly body: JsonBody;
  readonly headers: Headers;
  readonly query: string;
  readonly edits: readonly Edit[];
  readonly changes: readonly Change[];
  readonly translation: ResponseTranslation | null;
}

export async function prepareRequest(
  runtime: Pick<Runtime, "clock" | "config" | "random">,
  call: ProxyCall,
  target: Target,
  body: RequestBody,
  { account, operation, credential, unsealed }: PrepareOptions,
): Promise<ReadyRequest> {
  const { clock, config } = runtime;
  const { provider, resolved } = target;
  let copyBytes = 0;
  const ready = await body.read(async (json, pause) => {
    const asked =
      operation === call.operation
        ? passed(call, target, json)
        : translated(runtime, call, target, account, operation, json);
    await pause();
    const { edits: own, ...prepared } = await provider.prepare({
      operation,
      body: asked.body,
      model: resolved.model,
      headers: asked.headers,
      query: asked.query,
      account,
      credential,
      ...(unsealed === undefined ? {} : { unsealed }),
      keyId: call.key.id,
      keyCreatedAt: call.key.createdAt,
      now: clock.now(),
      config,
    });
    const edits: Edit[] = [...asked.edits, ...own];
    if (edits.length > MAX_EDITS) throw tooManyEdits();
    const changes = [
      ...new Set([...asked.changes, ...edits.map((edit) => edit.change), ...(prepared.changes ?? [])]),
    ];
    const origins = provider.origins(account, config);
    const classify: ReadyRequest["classify"] = (refused) =>
      provider.classify({ ...refused, kind: account.kind });
    await pause();
    const bytes = applyEdits(asked.body.bytes, edits);
    if (bytes !== json.bytes) copyBytes = bytes.length;
    return { ...prepared, origins, classify, body: bytes, changes, translation: asked.translation };
  });
  body.keep(copyBytes);
  return ready;
}

/** The client's own body. */
function passed({ operation, request }: ProxyCall, { resolved }: Target, body: JsonBody): Asked {
  const edits: Edit[] = [];
  if (resolved.change !== null)
    edits.push({ change: resolved.change, op: "set", path: ["model"], value: resolved.model });
  if (mayHoldCarriers(body.bytes)) edits.push(...foreignReasoningEdits(protocolOf(operation), body.value));
  // The provider sees what the client sent, without any credential, wherever the client put one.
  return { body, ...credentialFree(request), edits, changes: [], translation: null };
}

function translated(
  runtime: Pick<Runtime, "clock" | "random">,
  call: ProxyCall,
  target: Target,
  account: AccountRecord,
  operation: Operation,
  json: JsonBody,
): Asked {
  const { headers } = credentialFree(call.request);
  const to = protocolOf(operation);
  const { back, ...asked } = translate({ runtime, call, target, account, to, headers, body: json.value });
  return { ...asked, query: "", edits: [], translation: back };
}

function credentialFree({ headers, url }: Request): { headers: Headers; query: string } {
  return withoutCredentials(headers, new URL(url).search.slice(1));
}
