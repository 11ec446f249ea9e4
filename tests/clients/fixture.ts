/** Requests as agents send them, read from `fixtures/` and sent with what stands between an agent and a hosted Kleis. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { RecordedRequest } from "../fakes/index.ts";
import { type WireAnswer, wire } from "../http/wire.ts";
import type { Door } from "../support/door.ts";

export type Dict = Record<string, unknown>;

export interface AgentRequest {
  readonly purpose: string;
  readonly path: string;
  /** `$KEY` stands for the issued key. */
  readonly headers: Record<string, string>;
  readonly body: Dict;
}

/** A file of OpenCode requests; `$name` as a whole string stands for a part that several of them share. */
export function readRequests(name: string): AgentRequest[] {
  const file = JSON.parse(readFixture(name).toString()) as Dict & { requests: AgentRequest[] };
  const shared = (path: string): unknown =>
    path.split(".").reduce<unknown>((value, step) => (value as Dict)[step], file);
  const fill = (value: unknown): unknown => {
    if (typeof value === "string" && /^\$[a-z]/.test(value)) return shared(value.slice(1));
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fill(member)]));
  };
  return file.requests.map((request) => ({ ...request, body: fill(request.body) as Dict }));
}

export function readFixture(name: string): Buffer {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
}

/** What browsers, SDKs, Cloudflare, Vercel and reverse proxies add on the way; none of it concerns a provider. */
export const NEVER_LEAVING: Record<string, string> = {
  cookie: "kleis_admin=session-secret",
  origin: "https://kleis.example",
  referer: "https://kleis.example/admin",
  via: "1.1 caddy",
  forwarded: "for=203.0.113.7;proto=https",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-host": "kleis.example",
  "x-forwarded-proto": "https",
  "x-real-ip": "203.0.113.7",
  "cf-connecting-ip": "203.0.113.7",
  "cf-ipcountry": "DE",
  "cf-ray": "8f2a-FRA",
  "cf-visitor": '{"scheme":"https"}',
  "cf-warp-tag-id": "0f0f",
  "cdn-loop": "cloudflare",
  "x-vercel-id": "fra1::abc",
  "x-vercel-forwarded-for": "203.0.113.7",
  "x-stainless-lang": "js",
  "x-stainless-os": "Linux",
  "x-stainless-retry-count": "0",
  "x-stainless-timeout": "600",
  "sec-fetch-mode": "cors",
  "accept-language": "de",
  dnt: "1",
  "x-kleis-account": "acc_forged",
};

/** Sends bytes as an agent's, with its headers and all that never leaves. */
export function sendAs(
  door: Door,
  key: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer | string | object,
): Promise<WireAnswer> {
  const own = Object.entries(headers).map(([name, value]) => [name, value.replace("$KEY", key)]);
  return wire(door.url + path, { headers: { ...NEVER_LEAVING, ...Object.fromEntries(own) }, body });
}

/** Asserts that nothing of the client's surroundings and no Kleis key has arrived at a provider. */
export function expectNothingLeaked(recorded: RecordedRequest, key: string): void {
  const names = Object.keys(recorded.headers);
  expect(names.filter((name) => name in NEVER_LEAVING)).toEqual([]);
  expect(names.filter((name) => /^(x-stainless-|cf-|x-forwarded-|x-vercel-|x-kleis-)/.test(name))).toEqual(
    [],
  );
  expect(JSON.stringify(recorded.headers)).not.toContain(key);
  expect(recorded.body.includes(key)).toBe(false);
  expect(recorded.headers["accept-encoding"]).toBe("identity");
}

/** The data of each event of a stream, parsed; `[DONE]` stays text. */
export function eventsOf(answer: WireAnswer): (Dict | string)[] {
  return answer.text
    .split(/\r?\n\r?\n/)
    .flatMap((block) => block.split(/\r?\n/).filter((line) => line.startsWith("data:")))
    .map((line) => line.slice(5).trim())
    .map((data) => (data === "[DONE]" ? data : (JSON.parse(data) as Dict)));
}

/** Asserts a 200 with a stream of events that ends as its protocol wants. */
export function expectStream(answer: WireAnswer, path: string): (Dict | string)[] {
  expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, answer.text.slice(0, 300)]);
  expect(answer.headers["content-type"]).toMatch(/^text\/event-stream\b/);
  expect(answer.headers["content-encoding"]).toBeUndefined();
  const events = eventsOf(answer);
  const last = events.at(-1);
  if (path.includes("/chat/")) expect(last).toBe("[DONE]");
  else
    expect(last).toMatchObject({ type: path.includes("/responses") ? "response.completed" : "message_stop" });
  return events;
}
