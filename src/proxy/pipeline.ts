/**
 * The way of one request, top to bottom: body -> model -> account -> credential -> provider prepares -> send -> answer.
 * The variation points are the provider's `prepare` and its answer plan; errors are thrown as `KleisError`.
 */

import type { Credentials } from "../accounts/credentials.ts";
import { type Decision, decide } from "../accounts/decide.ts";
import type { AccountDirectory } from "../accounts/directory.ts";
import type { LastRefusals } from "../accounts/last-refusals.ts";
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { withoutCredentials } from "../keys/extract.ts";
import { mayUseAccount } from "../keys/scope.ts";
import type { RequestLog } from "../log/request-log.ts";
import type { ModelSource } from "../models/catalogue/source.ts";
import { MAX_MODEL_ID } from "../models/registry/schema.ts";
import { accessOf, modelScope } from "../models/resolve/access.ts";
import { resolveOnce } from "../models/resolve/memo.ts";
import type { ResolvedModel } from "../models/resolve/resolve.ts";
import type { Edit } from "../protocols/body.ts";
import { MAX_EDITS, tooManyEdits } from "../protocols/edit-limit.ts";
import { applyEdits } from "../protocols/json-edit.ts";
import { type Operation, ROUTE } from "../protocols/protocol.ts";
import type { Credential, PreparedRequest, Provider } from "../providers/provider.ts";
import { refusesModel } from "../providers/refusal.ts";
import type { Runtime } from "../runtime.ts";
import type { AccountRecord, KeyRecord } from "../storage/port.ts";
import type { Holding } from "./memory-budget.ts";
import { type RefusalReport, reportRefusals } from "./refusal-report.ts";
import { toolModels } from "./request/model-members.ts";
import { receiveBody } from "./request/read-body.ts";
import { RequestBody } from "./request/request-body.ts";
import type { Turns } from "./request/work-queue.ts";
import { namedByProvider } from "./response/headers.ts";
import { hideInHeaders } from "./response/hide-credential.ts";
import type { Classify } from "./response/name-refusal.ts";
import { answer } from "./response/respond.ts";
import { type Attempt, sendUpstream } from "./upstream.ts";

export interface ProxyDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly directory: AccountDirectory;
  readonly credentials: Credentials;
  readonly refusals: LastRefusals;
  readonly models: ModelSource;
  readonly turns: Turns;
}

export interface ProxyCall {
  readonly operation: Operation;
  /** The provider's id where the path forces one. */
  readonly forced: string | undefined;
  readonly request: Request;
  readonly key: KeyRecord;
  readonly requestId: string;
  /** The address of the admin page, for words that send the owner there. */
  readonly adminUrl: string;
  readonly log: RequestLog;
  /** What the request's body may take of the memory; whoever opened it releases it when the answer has ended. */
  readonly holding: Holding;
}

export async function proxy(deps: ProxyDeps, call: ProxyCall): Promise<Response> {
  const { request, log, key, holding } = call;
  const received = await receiveBody(request, deps.runtime, holding);
  const { clock } = deps.runtime;
  const body = new RequestBody(received, {
    keyId: key.id,
    signal: request.signal,
    holding,
    turns: deps.turns,
    clock,
  });
  const { requested, streams } = await body.read(({ value }) => askedBy(value));
  log.addFields({ model: requested.slice(0, MAX_MODEL_ID), request_bytes: body.size });

  const accounts = await deps.directory.list();
  const resolved = await resolveModel(deps, call, requested, accounts);
  const provider = providerOf(deps, resolved.provider);
  log.addFields({ provider: provider.id, upstream_model: resolved.model });
  await checkToolModels(deps, call, body, provider);

  const account = chooseAccount(deps, call, provider, resolved, accounts);
  log.addFields({ account: account.id });

  /** Whom the request was last prepared for, and what that changed. */
  let sent: { by: AccountRecord; credential: Credential; changes: readonly string[] };
  const prepare = async (by: AccountRecord, credential: Credential, unsealed = false) => {
    const ready = await prepareRequest(deps, call, body, provider, resolved, by, credential, unsealed);
    sent = { by, credential, changes: ready.changes };
    return ready;
  };
  const credential = await deps.credentials.fresh(account);
  const first = await prepare(account, credential);
  const sentTokens = [credential.token];
  const report = reportRefusals({
    log,
    refusals: deps.refusals,
    account,
    model: resolved.model,
    counts: call.operation === "count_tokens",
    now: () => clock.now(),
    sentTokens,
    onRefusal(refusal) {
      if (refusesModel(refusal)) deps.models.note(account, resolved.model, "refused");
    },
  });

  const attempt: Attempt = {
    runtime: deps.runtime,
    first,
    async renew() {
      const renewed = await deps.credentials.renew(account, credential);
      if (renewed === null) return null;
      sentTokens.push(renewed.token);
      return prepare(account, renewed);
    },
    async relocate() {
      const moved = await deps.credentials.relocate(account);
      return moved === null ? null : prepare(moved, credential);
    },
    async unseal() {
      const ready = await prepare(sent.by, sent.credential, true);
      log.addFields({ resent: "unsealed" });
      return ready;
    },
  };
  const { keptBytes = 0 } = first.answer;
  const answered = (upstream: Response) => {
    const response = hideInHeaders(upstream, sentTokens);
    // Nothing is sent once more from here on: what streams for minutes must not keep what was asked.
    body.letGo(keptBytes);
    deps.credentials.answered(account, credential, response.status);
    if (response.ok) deps.models.note(account, resolved.model, "answered");
    log.mark("headers_ms");
    log.addFields(namedByProvider(response.headers));
    return response;
  };
  return answer(deps.runtime, call, first, sending(attempt, answered, report), {
    provider: provider.id,
    account: account.id,
    // Asked for once the provider has answered, so that what a second try changed is told.
    get changes() {
      return sent.changes;
    },
    model: requested,
    requestedModel: resolved.change === null ? null : requested,
    sentTokens,
    report,
    clientStreams: streams && call.operation !== "count_tokens",
  });
}

/** Here, so that nothing of `proxy` that lives as long as the answer holds the prepared request with its body. */
function sending(attempt: Attempt, answered: (response: Response) => Response, report: RefusalReport) {
  return async (signal: AbortSignal) => {
    try {
      return answered(await sendUpstream(attempt, signal));
    } catch (error) {
      if (error instanceof KleisError) report.unanswered(error);
      throw error;
    }
  };
}

/** What the body says that matters beyond the provider's own reading of it. */
function askedBy(body: JsonObject): { requested: string; streams: boolean } {
  return { requested: modelOf(body), streams: body.stream === true };
}

function modelOf({ model }: JsonObject): string {
  if (typeof model === "string") return model;
  const message =
    model === undefined
      ? "`model` is missing. Name one of GET /v1/models."
      : "`model` must be a string. Name one of GET /v1/models.";
  throw new KleisError("invalid_request", message, { param: "model" });
}

async function resolveModel(
  deps: ProxyDeps,
  call: ProxyCall,
  requested: string,
  accounts: readonly AccountRecord[],
): Promise<ResolvedModel> {
  const resolution = resolveOnce({
    requested,
    forced: call.forced,
    providers: deps.providers,
    catalogue: await deps.models.current(accounts),
    access: accessOf(accounts, call.key),
    adminUrl: call.adminUrl,
  });
  if (resolution.ok) return resolution;
  throw new KleisError(resolution.code, resolution.message, { param: "model" });
}

/** A tool may ask a model of its own (an advisor, a maker of images): the key's scope holds for that as well. */
async function checkToolModels(
  deps: ProxyDeps,
  call: ProxyCall,
  body: RequestBody,
  provider: Provider,
): Promise<void> {
  if (call.key.models === null) return;
  const inScope = modelScope(call.key.models, deps.providers);
  const foreign = await body.read(async ({ bytes }, pause) => {
    for await (const model of toolModels(bytes, pause)) if (!inScope(provider, model)) return model;
    return undefined;
  });
  if (foreign === undefined) return;
  const named = JSON.stringify(foreign.slice(0, MAX_MODEL_ID));
  throw new KleisError(
    "key_scope",
    `This key may not use ${named}, which a tool of this request names. Leave that tool out, or use a key with a wider scope.`,
    { param: "tools" },
  );
}

function providerOf(deps: ProxyDeps, id: string): Provider {
  const provider = deps.providers.find((candidate) => candidate.id === id);
  if (provider === undefined) throw new KleisError("internal_error", "The resolved provider is not known.");
  return provider;
}

function chooseAccount(
  deps: ProxyDeps,
  call: ProxyCall,
  provider: Provider,
  resolved: ResolvedModel,
  accounts: readonly AccountRecord[],
): AccountRecord {
  const decision = decide({
    accounts,
    provider,
    canServe: ({ id }) => resolved.answers.get(id)?.includes(call.operation) ?? false,
    scope: (id) => mayUseAccount(call.key, id),
    now: deps.runtime.clock.now(),
  });
  if (decision.ok) return decision.account;
  throw refusal(decision, call, provider, resolved);
}

function refusal(
  { code }: Extract<Decision, { ok: false }>,
  call: ProxyCall,
  provider: Provider,
  resolved: ResolvedModel,
): KleisError {
  switch (code) {
    case "provider_not_configured":
      return new KleisError(
        code,
        `${provider.name} has no account that can be used. Connect or enable one at ${call.adminUrl}.`,
      );
    case "account_needs_login":
      return new KleisError(
        code,
        `The ${provider.name} account must sign in again. Do so at ${call.adminUrl}.`,
      );
    case "key_scope":
      return new KleisError(
        code,
        `This key may not use any ${provider.name} account that could answer. Issue a key with a wider scope at ${call.adminUrl}.`,
      );
    case "protocol_not_supported": {
      const routes = [...new Set([...resolved.answers.values()].flat())]
        .filter((operation) => operation !== "count_tokens")
        .map((operation) => `POST /v1${ROUTE[operation]}`);
      const instead = routes.length === 0 ? "" : ` Use ${routes.join(" or ")} for it.`;
      return new KleisError(
        code,
        `${provider.name} does not answer ${JSON.stringify(resolved.model)} on POST /v1${ROUTE[call.operation]}.${instead}`,
        { param: "model" },
      );
    }
  }
}

/** A prepared request with its edits made. */
export interface ReadyRequest extends Omit<PreparedRequest, "changes" | "edits"> {
  /** Where it may go. */
  readonly origins: readonly string[];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly changes: readonly string[];
  readonly classify: Classify;
}

async function prepareRequest(
  deps: ProxyDeps,
  call: ProxyCall,
  body: RequestBody,
  provider: Provider,
  resolved: ResolvedModel,
  account: AccountRecord,
  credential: Credential,
  unsealed: boolean,
): Promise<ReadyRequest> {
  let copy = 0;
  const ready = await body.read(async (json, pause) => {
    const { edits: own, ...prepared } = await provider.prepare({
      operation: call.operation,
      body: json,
      model: resolved.model,
      // A provider is told what the client says, but no credential of its, wherever the client has put that.
      ...withoutCredentials(call.request.headers, new URL(call.request.url).search.slice(1)),
      account,
      credential,
      unsealed,
      keyId: call.key.id,
      keyCreatedAt: call.key.createdAt,
      now: deps.runtime.clock.now(),
      config: deps.runtime.config,
    });
    const edits: Edit[] = [...own];
    if (resolved.change !== null)
      edits.unshift({ change: resolved.change, op: "set", path: ["model"], value: resolved.model });
    if (edits.length > MAX_EDITS) throw tooManyEdits();
    const changes = [...new Set([...edits.map((edit) => edit.change), ...(prepared.changes ?? [])])];
    const origins = provider.origins(account, deps.runtime.config);
    await pause();
    const bytes = applyEdits(json.bytes, edits);
    if (edits.length > 0) copy = bytes.length;
    const classify: Classify = (refused) => provider.classify({ ...refused, kind: account.kind });
    return { ...prepared, origins, classify, body: bytes, changes };
  });
  body.keep(copy);
  return ready;
}
