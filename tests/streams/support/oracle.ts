/**
 * What a client must get of a stream that was cut: derived from the whole stream's events, one by one, without any of the
 * code that does the relaying.
 */
import { isObject } from "../../../src/json.ts";
import { rewritten, type StreamProtocol, type Way } from "./ways.ts";
import { concat, dataObject, endingOf, isFailed, readEvent, readEvents, type WireEvent } from "./wire.ts";

export interface Judged {
  readonly way: Way;
  readonly events: readonly WireEvent[];
  /** The offset behind each event. */
  readonly ends: readonly number[];
  /** Each event as the client gets it. */
  readonly pieces: readonly (Buffer | null)[];
  readonly bytes: Uint8Array;
  /** What was expected before, by the number of whole events and the way it stopped. */
  readonly known: Map<string, Expected>;
}

export interface Expected {
  /** The bytes of the provider's events that reach the client. */
  readonly delivered: Buffer;
  /**
   * - `there`: their last one is the end. - `error`: Kleis's own error follows. - `failed`: the `response.failed` that
   *   the provider left out behind its error follows. - bytes: the missing formal end.
   */
  readonly end: "there" | "error" | "failed" | string;
  /** True when the end was reached before the bytes ran out. */
  readonly over: boolean;
}

const CR = 13;

export function judge(way: Way, bytes: Uint8Array): Judged {
  const { events } = readEvents(bytes);
  let at = 0;
  const ends = events.map((event) => {
    at += event.bytes.length;
    return at;
  });
  const pieces = rewritten(
    way,
    events.map((event) => event.bytes),
  );
  return { way, events, ends, pieces, bytes, known: new Map() };
}

/** The stream cut behind `cut` bytes, by a clean end or a reset. */
export function expectedAt(judged: Judged, cut: number, how: "end" | "reset"): Expected {
  const { way, ends, pieces, known } = judged;
  const whole = ends.findLastIndex((end) => end <= cut) + 1;
  const events = judged.events.slice(0, whole);
  const rest = Buffer.from(judged.bytes.subarray(ends[whole - 1] ?? 0, cut));
  const open = rest.at(-1) === CR ? rest.subarray(0, -1) : rest;
  if (how === "end" && rest.length > 0 && isWhole(readEvent(open).data)) {
    const closed = readEvents(Buffer.concat([rest, Buffer.from("\n\n")]));
    const all = [...events, ...closed.events.slice(0, 1)];
    return expectedOf(
      way,
      all,
      rewritten(
        way,
        all.map(({ bytes }) => bytes),
      ),
      how,
    );
  }
  const key = `${whole} ${how}`;
  const expected = known.get(key) ?? expectedOf(way, events, pieces, how);
  known.set(key, expected);
  return expected;
}

function expectedOf(
  way: Way,
  events: readonly WireEvent[],
  pieces: readonly (Buffer | null)[],
  how: "end" | "reset",
): Expected {
  const delivered: Buffer[] = [];
  const reasons = new Reasons(way.protocol);
  let announced = false;
  const expected = (end: Expected["end"], over: boolean): Expected => ({
    delivered: Buffer.from(concat(delivered)),
    end,
    over,
  });
  for (const [at, event] of events.entries()) {
    const ending = endingOf(way.protocol, event);
    reasons.read(event);
    if (ending === "success" && way.protocol !== "responses" && !reasons.any) return expected("error", true);
    const isLast = isFailed(event);
    if (announced && ending !== null && !isLast) return expected("failed", true);
    if (announced && ending === null) continue;
    const piece = pieces[at];
    const isUnnamed = way.protocol === "messages" && ending === "error" && event.event !== "error";
    if (piece) delivered.push(isUnnamed ? named(piece) : piece);
    if (way.protocol === "responses" && ending === "error" && !isLast) announced = true;
    else if (ending !== null) return expected("there", true);
  }
  if (announced) return expected("failed", false);
  if (way.mayOmitTerminator && how === "end" && reasons.all) return expected(FORMAL_END[way.protocol], false);
  return expected("error", false);
}

/** An error event with the name that clients of `messages` go by, in place of any other. */
function named(event: Buffer): Buffer {
  const lines = event.toString().split(/(?<=\n)/);
  return Buffer.from(["event: error\n", ...lines.filter((line) => !/^event(:|\r?\n)/.test(line))].join(""));
}

const FORMAL_END: Record<StreamProtocol, string> = {
  chat: "data: [DONE]\n\n",
  messages: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  responses: "",
};

function isWhole(data: string | null): boolean {
  return data === "[DONE]" || dataObject(data) !== null;
}

/** Why the model stopped, in each of the choices that it has begun. */
class Reasons {
  /** Per choice, whether its last word was its reason; a message is one. */
  readonly #ended = new Map<unknown, boolean>();
  readonly #protocol: StreamProtocol;
  any = false;

  constructor(protocol: StreamProtocol) {
    this.#protocol = protocol;
  }

  read({ data }: WireEvent): void {
    const value = dataObject(data);
    if (this.#protocol !== "chat") {
      if (value?.type === "message_delta" && isObject(value.delta)) this.#say(0, value.delta.stop_reason, "");
      return;
    }
    for (const choice of Array.isArray(value?.choices) ? value.choices : []) {
      if (isObject(choice)) this.#say(choice.index, choice.finish_reason, choice.delta);
    }
  }

  get all(): boolean {
    return this.any && [...this.#ended.values()].every((ended) => ended);
  }

  #say(choice: unknown, reason: unknown, delta: unknown): void {
    const hasReason = typeof reason === "string" && reason !== "";
    const isEmpty = /^(""|\{\})?$/.test(JSON.stringify(delta) ?? "");
    if (hasReason || !isEmpty) this.#ended.set(choice, hasReason);
    this.any ||= hasReason;
  }
}

/** The pieces of an answer that is what it must be; throws with what is wrong otherwise. */
export function check(way: Way, expected: Expected, got: Uint8Array): void {
  const bytes = Buffer.from(got.buffer, got.byteOffset, got.length);
  const { delivered, end } = expected;
  const differs = firstDifference(bytes, delivered);
  if (differs !== null)
    throw new Error(`from byte ${differs} on: ${around(bytes, differs)} not ${around(delivered, differs)}`);
  const added = bytes.subarray(delivered.length);
  if (end === "error") checkErrorEvent(way.protocol, added);
  else if (end === "failed") checkFailed(added);
  else if (added.toString() !== (end === "there" ? "" : end)) throw new Error(`added: ${added}`);
}

/** Where the bytes stop being those that they must begin with. */
function firstDifference(bytes: Buffer, start: Buffer): number | null {
  if (bytes.subarray(0, start.length).equals(start)) return null;
  const at = start.findIndex((byte, index) => bytes[index] !== byte);
  return at === -1 ? start.length : at;
}

function around(bytes: Buffer, at: number): string {
  return JSON.stringify(bytes.subarray(Math.max(at - 60, 0), at + 60).toString());
}

/** Exactly one `response.failed` that says why, as Codex CLI reads it. */
export function checkFailed(bytes: Uint8Array): void {
  const { events, rest } = readEvents(bytes);
  const value = dataObject(events[0]?.data ?? null);
  const response = isObject(value?.response) ? value.response : {};
  const error = isObject(response.error) ? response.error : {};
  const isRight =
    events.length === 1 &&
    rest.length === 0 &&
    events[0]?.event === "response.failed" &&
    value?.type === "response.failed" &&
    response.status === "failed" &&
    [error.code, error.message, response.id].every((each) => typeof each === "string" && each !== "");
  if (!isRight)
    throw new Error(`not one response.failed: ${JSON.stringify(new TextDecoder().decode(bytes))}`);
}

/**
 * Exactly one error event, in the form that the protocol's clients read; on `responses` and one `response.failed` behind
 * it, on `messages` and the beginning of a message before a refusal.
 */
export function checkErrorEvent(protocol: StreamProtocol, bytes: Uint8Array, code?: RegExp): void {
  const { events: all, rest } = readEvents(bytes);
  const events = all.filter((event) => !isFailed(event) && event.event !== "message_start");
  const failed = all.filter(isFailed);
  if (protocol === "responses") checkFailed(concat(all.slice(1).map((each) => each.bytes)));
  else if (failed.length > 0) throw new Error(`a response.failed on ${protocol}`);
  const [event] = events;
  const value = dataObject(event?.data ?? null);
  const text = new TextDecoder().decode(bytes);
  if (
    events.length !== 1 ||
    rest.length > 0 ||
    event === undefined ||
    value === null ||
    !isObject(value.error)
  )
    throw new Error(`not one error event: ${JSON.stringify(text)}`);
  const { error } = value;
  const isRight = {
    messages: () => event.event === "error" && value.type === "error" && typeof error.type === "string",
    chat: () => event.event === null && typeof error.code === "string" && typeof error.type === "string",
    responses: () =>
      event.event === "error" &&
      value.type === "error" &&
      typeof value.sequence_number === "number" &&
      typeof value.code === "string" &&
      typeof error.code === "string" &&
      value.message === error.message,
  };
  if (!isRight[protocol]() || typeof error.message !== "string" || error.message === "")
    throw new Error(`not the error event of ${protocol}: ${text}`);
  if (code !== undefined && !code.test(String(value.code ?? error.code ?? error.type)))
    throw new Error(`not ${code}: ${text}`);
}
