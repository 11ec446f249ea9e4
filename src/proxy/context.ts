/** What the steps of the pipeline share about one request: types alone, no logic. */

import type { AccountCache } from "../accounts/account-cache.ts";
import type { Credentials } from "../accounts/credentials.ts";
import type { LastRefusals } from "../accounts/last-refusals.ts";
import type { JsonObject } from "../json.ts";
import type { Limits } from "../limits/limits.ts";
import type { RequestTrace } from "../limits/trace.ts";
import type { RequestLog } from "../log/request-log.ts";
import type { AccountRef } from "../models/catalogue/catalogue.ts";
import type { ModelSource } from "../models/catalogue/source.ts";
import type { ResolvedModel } from "../models/resolve/resolve.ts";
import type { Operation, Protocol } from "../protocols/protocol.ts";
import type { FoldedResponse } from "../protocols/translate/codec.ts";
import type { StreamCollector, StreamTranslator } from "../protocols/translate/index.ts";
import type { PreparedRequest, Provider, ResponseHeaders, ResponsePlan } from "../providers/provider.ts";
import type { RegistryModel } from "../providers/registry-model.ts";
import type { Runtime } from "../runtime.ts";
import type { KeyRecord } from "../storage/port.ts";
import type { Reservation } from "./memory-budget.ts";
import type { RefusalReport } from "./refusal-report.ts";
import type { WorkQueue } from "./request/work-queue.ts";
import type { Classify } from "./response/classify-refusal.ts";

export interface ProxyDeps {
  readonly runtime: Runtime;
  readonly providers: readonly Provider[];
  readonly accountCache: AccountCache;
  readonly credentials: Credentials;
  readonly refusals: LastRefusals;
  readonly limits: Limits;
  readonly models: ModelSource;
  readonly workQueue: WorkQueue;
}

/** An authenticated request. */
export interface ProxyCall {
  readonly operation: Operation;
  /** The provider's id where the path forces one. */
  readonly forced: string | undefined;
  readonly request: Request;
  readonly key: KeyRecord;
  readonly requestId: string;
  /** The address of the admin page, for errors that send the owner there. */
  readonly adminUrl: string;
  readonly log: RequestLog;
  /** Learns how the account was chosen and what its provider said. */
  readonly trace: RequestTrace;
  /** The memory that the request may take; its opener releases it when the response has ended. */
  readonly memory: Reservation;
}

/** Where a request goes: the provider, and its model. */
export interface Target {
  readonly provider: Provider;
  readonly resolved: ResolvedModel;
  /** The model as the account lists it, with the limits that hold for it; undefined where it does not. */
  readonly describe: (account: AccountRef) => RegistryModel | undefined;
}

/** Turns the response back. Holds nothing of the conversation. */
export interface ResponseTranslation {
  /** The client's protocol, and the provider's. */
  readonly from: Protocol;
  readonly to: Protocol;
  stream(): StreamTranslator;
  collect(): StreamCollector;
  whole(body: JsonObject): FoldedResponse;
}

/** A prepared request with its edits made. */
export interface ReadyRequest extends Omit<PreparedRequest, "changes" | "edits"> {
  /** The only origins that it may be sent to. */
  readonly origins: readonly string[];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly changes: readonly string[];
  readonly classify: Classify;
  /** Null where the provider speaks the client's protocol. */
  readonly translation: ResponseTranslation | null;
}

/** What responding needs to know. Holds no part of the request's body, which nothing needs while a response streams. */
export interface ResponseContext {
  readonly runtime: Runtime;
  readonly call: ProxyCall;
  readonly provider: string;
  readonly account: string;
  /** The id that the client asked for. */
  readonly requestedModel: string;
  /** The id to put back into the response; null when the client's own went upstream. */
  readonly restoredModel: string | null;
  /** True where the client reads an event stream. */
  readonly clientStreams: boolean;
  /** True where the provider sends an event stream. */
  readonly upstreamStreams: boolean;
  readonly plan: ResponsePlan;
  /** The headers of the provider's that its clients act upon. */
  readonly responseHeaders: ResponseHeaders;
  readonly classify: Classify;
  /** Null where the provider speaks the client's protocol. */
  readonly translation: ResponseTranslation | null;
  /** The changes of what was sent last: a second try may add some, so read it only once the provider has responded. */
  readonly changes: readonly string[];
  /** The provider's headers, once it has responded; empty before. */
  readonly upstreamHeaders: Headers;
  /** The account's credential as it was, and as it is after a renewal. */
  readonly sentTokens: readonly string[];
  /** Learns how the provider took the request. */
  readonly report: RefusalReport;
  /** Stops the provider's side. */
  readonly stop: () => void;
  /** Aborts the client's connection; absent where the runtime cannot. */
  readonly abortConnection: (() => void) | undefined;
}
