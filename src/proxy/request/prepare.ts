/** A request as one account sends it: the provider's preparation, with its edits made in the body's bytes. */
import { withoutCredentials } from "../../keys/extract.ts";
import type { Edit } from "../../protocols/body.ts";
import { MAX_EDITS, tooManyEdits } from "../../protocols/edit-limit.ts";
import { applyEdits } from "../../protocols/json-edit.ts";
import type { Credential } from "../../providers/account.ts";
import type { Runtime } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { ProxyCall, ReadyRequest, Target } from "../context.ts";
import type { RequestBody } from "./request-body.ts";

export interface PrepareOptions {
  readonly account: AccountRecord;
  readonly credential: Credential;
  /** Leave out sealed reasoning. */
  readonly unsealed: boolean;
}

export async function prepareRequest(
  { clock, config }: Pick<Runtime, "clock" | "config">,
  { operation, request, key }: ProxyCall,
  { provider, resolved }: Target,
  body: RequestBody,
  { account, credential, unsealed }: PrepareOptions,
): Promise<ReadyRequest> {
  let copyBytes = 0;
  const ready = await body.read(async (json, pause) => {
    const { edits: own, ...prepared } = await provider.prepare({
      operation,
      body: json,
      model: resolved.model,
      // The provider sees what the client sent, without any credential, wherever the client put one.
      ...withoutCredentials(request.headers, new URL(request.url).search.slice(1)),
      account,
      credential,
      unsealed,
      keyId: key.id,
      keyCreatedAt: key.createdAt,
      now: clock.now(),
      config,
    });
    const edits: Edit[] = [...own];
    if (resolved.change !== null)
      edits.unshift({ change: resolved.change, op: "set", path: ["model"], value: resolved.model });
    if (edits.length > MAX_EDITS) throw tooManyEdits();
    const changes = [...new Set([...edits.map((edit) => edit.change), ...(prepared.changes ?? [])])];
    const origins = provider.origins(account, config);
    const classify: ReadyRequest["classify"] = (refused) =>
      provider.classify({ ...refused, kind: account.kind });
    await pause();
    const bytes = applyEdits(json.bytes, edits);
    if (edits.length > 0) copyBytes = bytes.length;
    return { ...prepared, origins, classify, body: bytes, changes };
  });
  body.keep(copyBytes);
  return ready;
}
