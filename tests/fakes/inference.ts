/**
 * The queue of scenarios that a fake plays to its next inference requests, in whichever protocol a request speaks.
 * Rules are checked before it is asked: a refused request uses up no scenario.
 */
import type { ServerResponse } from "node:http";
import { type Delivery, deliver, renderEvents, type SseEvent } from "./delivery.ts";
import type { Dict } from "./inspect.ts";
import type { Ask, ScenarioOptions } from "./scenarios/ask.ts";
import {
  CHAT_SCENARIOS,
  type ChatEvent,
  type ChatScenario,
  chatEvents,
  completionOf,
} from "./scenarios/chat.ts";
import {
  MESSAGES_SCENARIOS,
  type MessagesScenario,
  messageOf,
  messagesEvents,
  STRAY_DONE,
} from "./scenarios/messages.ts";
import {
  RESPONSES_SCENARIOS,
  type ResponsesScenario,
  responseOf,
  responsesEvents,
  withFreshIds,
} from "./scenarios/responses.ts";
import { bytesOf, type RecordedRequest, type Reply } from "./server.ts";

/** Full control over the answer; nothing else is written. */
export interface Raw {
  raw: (res: ServerResponse, request: RecordedRequest) => unknown;
}

/** A scenario with its knobs and the way its bytes travel. */
export interface Staged<Name extends string> extends Delivery, ScenarioOptions {
  scenario: Name | Reply;
}

export type Scenario<Name extends string> = Name | Raw | Reply | Staged<Name>;

/** Decides by the request which scenario it gets. */
export type Chooser<Name extends string> = (ask: Ask, request: RecordedRequest) => Scenario<Name>;

/** Named error answers of one provider; they may depend on the time (ms). */
export type ErrorTable<Name extends string> = Readonly<Record<Name, (now: number) => Reply>>;

/** How a scenario's name becomes an answer in one protocol. */
export interface Dialect {
  readonly names: readonly string[];
  readonly streamType: string;
  /** The scenario in which the first tool is called. */
  readonly calls: string;
  /** The name is known to be one of `names`. */
  play(name: string, ask: Ask, options: ScenarioOptions): { events: SseEvent[]; whole: Reply };
  /** What a scenario implies about its delivery. */
  implied?(name: string): Delivery;
}

export interface Inference<Name extends string> {
  /** Queues scenarios for the next inference requests, one each. */
  script(scenario: Scenario<Name>, ...more: Scenario<Name>[]): void;
  /** Plays this one, or what it chooses, whenever the queue is empty; without argument the plain text again. */
  always(scenario?: Scenario<Name> | Chooser<Name>): void;
  /** Forgets the scenarios that were not played; returns how many there were. */
  clear(): number;
  /** `misses`: no prompt comes from the cache (messages and responses). */
  readonly cache: { misses: boolean };
  /** Inference requests that passed the rules, in order of arrival. */
  readonly inference: RecordedRequest[];
  /** Resolves with the n-th (from 1) inference request as soon as it has arrived. */
  arrived(n: number): Promise<RecordedRequest>;
}

export interface InferenceStage<Name extends string> extends Inference<Name> {
  answer(
    dialect: Dialect,
    ask: Ask,
    request: RecordedRequest,
    res: ServerResponse,
    headers?: Record<string, string>,
  ): Promise<undefined>;
}

export function createInference<Name extends string>(
  names: readonly string[],
  errors: ErrorTable<string>,
  now: () => number,
): InferenceStage<Name> {
  const queue: Scenario<Name>[] = [];
  const inference: RecordedRequest[] = [];
  const waiting = new Map<number, ((request: RecordedRequest) => void)[]>();
  const cache = { misses: false };
  let standard: Chooser<Name> | undefined;

  const check = (scenario: Scenario<Name>): void => {
    const name = nameOf(scenario);
    if (name !== null && !names.includes(name) && !(name in errors))
      throw new Error(`no scenario named ${name}`);
  };

  return {
    inference,
    cache,
    script(...scenarios) {
      for (const scenario of scenarios) check(scenario);
      queue.push(...scenarios);
    },
    always(scenario) {
      if (scenario === undefined || typeof scenario === "function") {
        standard = scenario;
        return;
      }
      check(scenario);
      standard = () => scenario;
    },
    clear: () => queue.splice(0).length,
    arrived(n) {
      const there = inference[n - 1];
      if (there !== undefined) return Promise.resolve(there);
      return new Promise((resolve) => waiting.set(n, [...(waiting.get(n) ?? []), resolve]));
    },
    async answer(dialect, ask, request, res, headers = {}) {
      inference.push(request);
      for (const resolve of waiting.get(inference.length) ?? []) resolve(request);
      const scenario: Scenario<string> =
        queue.shift() ?? standard?.(ask, request) ?? (ask.forced ? dialect.calls : "text");
      if (typeof scenario === "object" && "raw" in scenario) {
        await scenario.raw(res, request);
        return undefined;
      }
      const staged: Staged<string> =
        typeof scenario === "object" && "scenario" in scenario ? scenario : { scenario };
      const asked = cache.misses ? { ...ask, cachedTokens: 0 } : ask;
      await playStaged(staged, dialect, asked, res, headers, errors, now());
      return undefined;
    },
  };
}

function nameOf(scenario: Scenario<string>): string | null {
  if (typeof scenario === "string") return scenario;
  if ("scenario" in scenario && typeof scenario.scenario === "string") return scenario.scenario;
  return null;
}

async function playStaged(
  staged: Staged<string>,
  dialect: Dialect,
  ask: Ask,
  res: ServerResponse,
  headers: Record<string, string>,
  errors: ErrorTable<string>,
  now: number,
): Promise<void> {
  const { scenario } = staged;
  if (typeof scenario !== "string") return deliverReply(res, scenario, headers, staged);
  const error = errors[scenario];
  if (error !== undefined) return deliverReply(res, error(now), headers, staged);
  if (!dialect.names.includes(scenario))
    throw new Error(`scenario ${scenario} does not exist in this protocol`);
  const { events, whole } = dialect.play(scenario, ask, staged);
  if (!ask.stream) return deliverReply(res, whole, headers, staged);
  const head = { status: 200, headers: { "content-type": dialect.streamType, ...headers } };
  const delivery = { ...dialect.implied?.(scenario), ...staged };
  await deliver(res, head, renderEvents(events, delivery.newline), delivery);
}

async function deliverReply(
  res: ServerResponse,
  reply: Reply,
  headers: Record<string, string>,
  delivery: Delivery,
): Promise<void> {
  const isJson = typeof reply.body === "object" && !Buffer.isBuffer(reply.body);
  const type: Record<string, string> = isJson ? { "content-type": "application/json" } : {};
  await deliver(
    res,
    { status: reply.status, headers: { ...type, ...headers, ...reply.headers } },
    [bytesOf(reply.body)],
    delivery,
  );
}

export const MESSAGES: Dialect = {
  calls: "no-arg-tool",
  names: MESSAGES_SCENARIOS(),
  streamType: "text/event-stream; charset=utf-8",
  play(name, ask, options) {
    const events = messagesEvents(name as MessagesScenario, ask, options);
    const whole = messageOf(events.filter((event) => event.type !== STRAY_DONE));
    return {
      events: events.map(messagesWire),
      whole: { status: whole.type === "error" ? 529 : 200, body: whole },
    };
  },
};

export const CHAT: Dialect = {
  calls: "tools",
  names: CHAT_SCENARIOS(),
  streamType: "text/event-stream; charset=utf-8",
  play(name, ask, options) {
    const events = chatEvents(name as ChatScenario, ask, options);
    const whole = completionOf(events);
    return {
      events: events.map(chatWire),
      whole: { status: whole.error === undefined ? 200 : 503, body: whole },
    };
  },
};

export const RESPONSES: Dialect = responsesDialect((events) => events);

/** Responses as Copilot gives them: no two events agree on an id. */
export const RESPONSES_FRESH_IDS: Dialect = responsesDialect(withFreshIds);

function responsesDialect(change: (events: Dict[]) => Dict[]): Dialect {
  return {
    calls: "reasoning-tool",
    names: RESPONSES_SCENARIOS(),
    streamType: "text/event-stream; charset=utf-8",
    play(name, ask, options) {
      const events = change(responsesEvents(name as ResponsesScenario, ask, options));
      const whole = responseOf(events);
      const wire = name === "data-only" ? dataOnly : named;
      return {
        events: events.map(wire),
        whole: { status: whole.status === undefined ? 503 : 200, body: whole },
      };
    },
    implied: (name) => (name === "no-content-type" ? { contentType: null } : {}),
  };
}

export function messagesWire(event: Dict): SseEvent {
  return event.type === STRAY_DONE ? { data: STRAY_DONE } : named(event);
}

export function chatWire(event: ChatEvent): SseEvent {
  return { data: typeof event === "string" ? event : JSON.stringify(event) };
}

function named(event: Dict): SseEvent {
  return { event: String(event.type), data: JSON.stringify(event) };
}

function dataOnly(event: Dict): SseEvent {
  return { data: JSON.stringify(event) };
}
