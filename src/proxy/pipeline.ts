/**
 * One request, top to bottom: read the body, resolve the model, choose the account, serve (serve.ts: get its
 * credential, prepare, send, respond). Its key has been checked by the route. What varies is the provider's `prepare` and its response plan; errors are
 * thrown as `KleisError`.
 */
import type { JsonObject } from "../json.ts";
import { type SessionMembers, sessionMembers, sessionOf } from "../limits/sessions.ts";
import { MAX_MODEL_ID } from "../models/registry/schema.ts";
import { AccountChooser, policyFor } from "./choose-account.ts";
import type { ProxyCall, ProxyDeps, Target } from "./context.ts";
import { receiveBody } from "./request/read-body.ts";
import { RequestBody } from "./request/request-body.ts";
import { checkToolModels, modelOf, resolveModel } from "./request/resolve-model.ts";
import { estimatedCount } from "./response/estimated-count.ts";
import { serve } from "./serve.ts";

export async function proxy(deps: ProxyDeps, call: ProxyCall): Promise<Response> {
  const { log } = call;
  const since = deps.runtime.clock.now();
  const body = await readBody(deps, call);
  const { model, streams, ...names } = await body.read(({ value }) => readIntent(value));
  log.addFields({ model: model.slice(0, MAX_MODEL_ID), request_bytes: body.size });

  const accounts = await deps.accountCache.list();
  const target = await resolveModel(deps, call, model, accounts);
  log.addFields({ provider: target.provider.id, upstream_model: target.resolved.model });
  await checkToolModels(deps, call, body, target.provider);

  const session = await sessionFor(deps, call, target, names);
  const chooser = new AccountChooser(deps, call, target, { accounts, session });
  const served = chooser.first();
  if (call.operation === "count_tokens" && served.operation !== "count_tokens") {
    log.addFields({ account: served.account.id });
    return await estimatedCount(call, target, served.account, body);
  }
  const clientStreams = streams && call.operation !== "count_tokens";
  const request = { deps, call, body, target, chooser, requestedModel: model, clientStreams, since };
  return await serve(request, served);
}

async function readBody({ runtime, workQueue }: ProxyDeps, call: ProxyCall): Promise<RequestBody> {
  const { request, key, memory } = call;
  const received = await receiveBody(request, runtime, memory);
  const { clock } = runtime;
  return new RequestBody(received, { keyId: key.id, signal: request.signal, memory, workQueue, clock });
}

interface Intent extends SessionMembers {
  readonly model: string;
  readonly streams: boolean;
}

/** What the body asks for, beyond the provider's own reading of it. */
function readIntent(body: JsonObject): Intent {
  return { model: modelOf(body), streams: body.stream === true, ...sessionMembers(body) };
}

/** The request's session, which matters only where it may move. */
async function sessionFor(
  deps: ProxyDeps,
  call: ProxyCall,
  target: Target,
  names: SessionMembers,
): Promise<string | null> {
  if (policyFor(deps, call, target).failover === "off") return null;
  const { key, request, trace } = call;
  const session = await sessionOf({
    keyId: key.id,
    provider: target.provider.id,
    headers: request.headers,
    ...names,
  });
  trace.session = session === null ? null : session.slice(0, 8);
  return session;
}
