/**
 * One request, top to bottom: read the body, resolve the model, choose the account, get its credential, prepare, send,
 * respond. Its key has been checked by the route. What varies is the provider's `prepare` and its response plan; errors are
 * thrown as `KleisError`.
 */
import type { JsonObject } from "../json.ts";
import { MAX_MODEL_ID } from "../models/registry/schema.ts";
import { prepareAttempt } from "./attempt.ts";
import { chooseAccount, operationFor } from "./choose-account.ts";
import type { ProxyCall, ProxyDeps } from "./context.ts";
import { receiveBody } from "./request/read-body.ts";
import { RequestBody } from "./request/request-body.ts";
import { checkToolModels, modelOf, resolveModel } from "./request/resolve-model.ts";
import { estimatedCount } from "./response/estimated-count.ts";
import { respond, respondLate } from "./response/respond.ts";
import { startUpstream } from "./upstream.ts";

export async function proxy(deps: ProxyDeps, call: ProxyCall): Promise<Response> {
  const { log } = call;
  const body = await readBody(deps, call);
  const { model, streams } = await body.read(({ value }) => readIntent(value));
  log.addFields({ model: model.slice(0, MAX_MODEL_ID), request_bytes: body.size });

  const accounts = await deps.accountCache.list();
  const target = await resolveModel(deps, call, model, accounts);
  log.addFields({ provider: target.provider.id, upstream_model: target.resolved.model });
  await checkToolModels(deps, call, body, target.provider);

  const served = chooseAccount(deps, call, target, accounts);
  const { account } = served;
  log.addFields({ account: account.id });
  if (call.operation === "count_tokens" && served.operation !== "count_tokens")
    return await estimatedCount(call, target, account, body);
  const operation = await operationFor(deps, target, served, body);
  const credential = await deps.credentials.fresh(account);

  const clientStreams = streams && call.operation !== "count_tokens";
  const request = { body, target, account, operation, credential, requestedModel: model, clientStreams };
  const attempt = await prepareAttempt(deps, call, request);
  const upstream = startUpstream(attempt, call);
  const context = attempt.responseContext(upstream.stop);
  try {
    const first = await upstream.beforeCommit();
    return await (first === null ? respondLate(context, upstream.response) : respond(context, first));
  } finally {
    upstream.handOver();
  }
}

async function readBody({ runtime, workQueue }: ProxyDeps, call: ProxyCall): Promise<RequestBody> {
  const { request, key, memory } = call;
  const received = await receiveBody(request, runtime, memory);
  const { clock } = runtime;
  return new RequestBody(received, { keyId: key.id, signal: request.signal, memory, workQueue, clock });
}

/** What the body asks for, beyond the provider's own reading of it. */
function readIntent(body: JsonObject): { model: string; streams: boolean } {
  return { model: modelOf(body), streams: body.stream === true };
}
