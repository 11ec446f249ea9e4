/**
 * The ways that an answer can take: a provider, a kind of account and a protocol, with the provider's own plan for a
 * request that brings every rewriter into play. Each way ends in the real answering path.
 */

import { testKeyOf } from "../../../harness/secrets.ts";
import type { Config } from "../../../src/config.ts";
import { readConfig } from "../../../src/environment.ts";
import { isObject, parseJson } from "../../../src/json.ts";
import { RequestTrace } from "../../../src/limits/trace.ts";
import { WATCH } from "../../../src/protocols/end.ts";
import { protocolOf } from "../../../src/protocols/protocol.ts";
import type { EventRewriter } from "../../../src/protocols/sse/event.ts";
import { failureEvents } from "../../../src/protocols/stream-errors.ts";
import type { CredentialKind } from "../../../src/providers/account.ts";
import { providerById } from "../../../src/providers/index.ts";
import type { ProxyCall, ResponseContext } from "../../../src/proxy/context.ts";
import { respond, respondLate } from "../../../src/proxy/response/respond.ts";
import { restoreModel } from "../../../src/proxy/response/restore-model.ts";
import { bodySource } from "../../../src/proxy/stream/body-source.ts";
import { relayEvents } from "../../../src/proxy/stream/relay.ts";
import { startUpstream } from "../../../src/proxy/upstream.ts";
import type { Clock, LogFields, Runtime } from "../../../src/runtime.ts";
import { utf8 } from "./wire.ts";

export const CONFIG: Config = (() => {
  const result = readConfig({
    ADMIN_TOKEN: "streams-2f7c9a41d0b85e63",
    ENCRYPTION_KEY: testKeyOf("five"),
  });
  if (!result.ok) throw new Error(result.problems.join("; "));
  return result.config;
})();

export type StreamProtocol = "chat" | "responses" | "messages";

interface Spec {
  readonly provider: "claude" | "codex" | "copilot";
  readonly kind: CredentialKind;
  readonly protocol: StreamProtocol;
  /** The id that the client named, where another goes upstream. */
  readonly requestedModel?: string;
}

const SPECS = {
  "claude plan": { provider: "claude", kind: "oauth", protocol: "messages" },
  "claude key": { provider: "claude", kind: "api_key", protocol: "messages" },
  "codex plan": { provider: "codex", kind: "oauth", protocol: "responses" },
  "openai key responses": { provider: "codex", kind: "api_key", protocol: "responses" },
  "openai key chat": {
    provider: "codex",
    kind: "api_key",
    protocol: "chat",
    requestedModel: "codex/gpt-5.5",
  },
  "copilot chat": { provider: "copilot", kind: "oauth", protocol: "chat" },
  "copilot responses": { provider: "copilot", kind: "oauth", protocol: "responses" },
  "copilot messages": { provider: "copilot", kind: "oauth", protocol: "messages" },
} satisfies Record<string, Spec>;

export type WayName = keyof typeof SPECS;
export const WAYS = Object.keys(SPECS) as WayName[];

export const SCHEMA = { type: "object", properties: { query: { type: "string" } }, required: ["query"] };

/** A streaming request with two tools, one of which is called as Claude Code's own. */
export function requestBody(protocol: StreamProtocol, model: string): object {
  switch (protocol) {
    case "messages":
      return {
        model,
        max_tokens: 100,
        stream: true,
        messages: [{ role: "user", content: "Hi" }],
        tools: ["lookup", "read"].map((name) => ({ name, description: "A tool.", input_schema: SCHEMA })),
      };
    case "chat":
      return { model, stream: true, messages: [{ role: "user", content: "Hi" }] };
    case "responses":
      return { model, stream: true, store: false, input: [{ role: "user", content: "Hi" }] };
  }
}

export interface Run {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
  /** What the request log says at its end. */
  readonly log: () => LogFields | undefined;
}

export interface Way {
  readonly name: WayName;
  readonly protocol: StreamProtocol;
  /** True where a finished answer may lack its formal end. */
  readonly mayOmitTerminator: boolean;
  /** The provider's own rewriters for one stream, in order. */
  rewriters(): EventRewriter[];
  /** The heart of it alone, many times as fast: what a client gets of a stream's bytes, with the same plan. */
  relay(body: ReadableStream<Uint8Array<ArrayBuffer>>, clock: Clock): ReadableStream<Uint8Array>;
  /** What a client gets of an upstream answer: the whole answering path. */
  run(send: (signal: AbortSignal) => Promise<Response>, clock: Clock): Promise<Run>;
}

export async function wayOf(name: WayName): Promise<Way> {
  const spec: Spec = SPECS[name];
  const { protocol, kind, requestedModel = null } = spec;
  const provider = providerById(spec.provider);
  if (provider === undefined) throw new Error(`no provider ${spec.provider}`);
  const model = protocol === "messages" ? "claude-sonnet-4-6" : "gpt-5.5";
  const bytes = utf8(JSON.stringify(requestBody(protocol, model)));
  const value = parseJson(new TextDecoder().decode(bytes));
  if (!isObject(value)) throw new Error("the request is no object");
  const prepared = await provider.prepare({
    operation: protocol,
    body: { bytes, value },
    model,
    query: "",
    headers: new Headers(),
    account: { id: "acc_1", kind, externalId: "owner", metadata: {} },
    credential: { kind, token: "token" },
    keyId: "key_1",
    keyCreatedAt: 1_790_000_000_000,
    now: 1_790_000_000_000,
    config: CONFIG,
  });
  const changes = [...new Set(prepared.edits.map(({ change }) => change))];
  const mayOmitTerminator = prepared.response.mayOmitTerminator === true;
  const rewriters = () => {
    const own = prepared.response.stream?.();
    const restoring = requestedModel === null ? [] : [restoreModel(protocolOf(protocol), requestedModel)];
    return own === undefined ? restoring : [own, ...restoring];
  };

  return {
    name,
    protocol,
    mayOmitTerminator,
    rewriters,
    relay(body, clock) {
      const watcher = WATCH[protocol]();
      return relayEvents({
        upstream: bodySource(body, clock),
        rewriters: rewriters(),
        watcher,
        mayOmitTerminator,
        failureEvents: (failure) =>
          failureEvents(protocol, failure, {
            requestId: "req_test",
            model: requestedModel ?? model,
            responseId: watcher.responseId,
            begun: true,
          }),
        clock,
        idleMs: CONFIG.KLEIS_IDLE_TIMEOUT_MS,
        stallMs: CONFIG.KLEIS_CLIENT_STALL_MS,
        stop: () => {},
        onEnd: () => {},
      });
    },
    async run(send, clock) {
      let logged: LogFields | undefined;
      const call: ProxyCall = {
        operation: protocol,
        forced: undefined,
        request: new Request("http://kleis.test/v1", { method: "POST" }),
        key: KEY,
        requestId: "req_test",
        adminUrl: "http://kleis.test/admin",
        trace: new RequestTrace(),
        memory: { reserve: () => {}, release: () => {} },
        log: {
          mark: () => {},
          addFields: () => {},
          end: (fields) => {
            logged ??= fields;
          },
        },
      };
      const runtime = runtimeWith(clock);
      const upstream = startUpstream({ runtime, mayCommit: prepared.streams, send }, call);
      const context: ResponseContext = {
        runtime,
        call,
        provider: spec.provider,
        account: "acc_1",
        requestedModel: requestedModel ?? model,
        restoredModel: requestedModel,
        clientStreams: true,
        upstreamStreams: prepared.streams,
        plan: prepared.response,
        responseHeaders: provider.responseHeaders,
        classify: (refused) => provider.classify({ ...refused, kind }),
        changes,
        upstreamHeaders: new Headers(),
        sentTokens: [],
        report: { refused: () => {}, noResponse: () => {}, succeeded: () => {} },
        stop: upstream.stop,
        translation: null,
        abortConnection: undefined,
      };
      const first = await upstream.beforeCommit();
      const response =
        first === null ? respondLate(context, upstream.response) : await respond(context, first);
      if (response.body === null) throw new Error("an answer without a body");
      return { status: response.status, headers: response.headers, body: response.body, log: () => logged };
    },
  };
}

const KEY: ProxyCall["key"] = {
  id: "key_1",
  label: "",
  prefix: "",
  providers: null,
  models: null,
  accounts: null,
  failover: null,
  createdAt: 0,
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
};

function unused(): never {
  throw new Error("the answering path has no business with this");
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What answering needs of a runtime: the configuration and the clock. */
function runtimeWith(clock: Clock): Runtime {
  return {
    config: CONFIG,
    clock,
    get storage() {
      return unused();
    },
    fetch: unused,
    random: unused,
    waitUntil: unused,
    logger: silent,
  };
}

/** Each event as the way's rewriters leave it; null where they leave it out. */
export function rewritten(way: Way, events: readonly Uint8Array[]): (Buffer | null)[] {
  const rewriters = way.rewriters();
  return events.map((event) => {
    let out: Uint8Array | null = event;
    for (const rewriter of rewriters) out = out === null ? null : rewriter.rewrite(out);
    return out === null ? null : Buffer.from(out);
  });
}

/** A provider's body that gives these pieces, each when it is asked for one, and then ends or breaks. */
export function bodyOf(
  pieces: readonly Uint8Array[],
  end: "end" | "reset" | "open" = "end",
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const piece = pieces[at++];
        if (piece !== undefined) controller.enqueue(new Uint8Array(piece));
        else if (end === "end") controller.close();
        else if (end === "reset") controller.error(new TypeError("terminated"));
        else return new Promise(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

export function eventStream(body: ReadableStream<Uint8Array<ArrayBuffer>>): Response {
  return new Response(body, { status: 200, headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

/** Everything that a stream gives; its pieces as they come. */
export async function drain(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (value !== undefined) parts.push(value);
    if (done) return parts;
  }
}
