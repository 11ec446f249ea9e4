/** What the benchmarks ask for: the sizes of requests and streams, how many, and how often. */
import type { Plan } from "./upstream.ts";

export interface Workload {
  name: string;
  what: string;
  bytes: number;
  stream: boolean;
  plan: Plan;
  /** Requests per round, and how many of them at once. */
  count: number;
  atOnce: number;
  rounds: number;
  /** What goes through each target before the first round. */
  warmUp: { count: number; atOnce: number; plan: Plan };
  /** Look at the times inside the events. */
  stamps: boolean;
  /** Only the bare pipes and the account whose streams pass untouched. */
  short: boolean;
}

const KB = 1024;
const NO_EVENTS = { events: 0, paceMs: 0 };

export const WORKLOADS: readonly Workload[] = [
  {
    name: "W1",
    what: "1 KB, no stream",
    bytes: KB,
    stream: false,
    plan: NO_EVENTS,
    count: 400,
    atOnce: 1,
    rounds: 3,
    warmUp: { count: 200, atOnce: 1, plan: NO_EVENTS },
    stamps: false,
    short: false,
  },
  {
    name: "W2",
    what: "200 KB with 20 tools and 80 messages, 500 events as fast as they go",
    bytes: 200 * KB,
    stream: true,
    plan: { events: 500, paceMs: 0 },
    count: 25,
    atOnce: 1,
    rounds: 3,
    warmUp: { count: 20, atOnce: 1, plan: { events: 500, paceMs: 0 } },
    stamps: true,
    short: false,
  },
  {
    name: "W3",
    what: "2 MB, 3,000 events as fast as they go",
    bytes: 2048 * KB,
    stream: true,
    plan: { events: 3000, paceMs: 0 },
    count: 6,
    atOnce: 1,
    rounds: 2,
    warmUp: { count: 4, atOnce: 1, plan: { events: 3000, paceMs: 0 } },
    stamps: true,
    short: false,
  },
  {
    name: "W4",
    what: "200 streams at once, an event each 20 ms, 100 events",
    bytes: KB,
    stream: true,
    plan: { events: 100, paceMs: 20 },
    count: 200,
    atOnce: 200,
    rounds: 2,
    warmUp: { count: 200, atOnce: 200, plan: { events: 10, paceMs: 20 } },
    stamps: true,
    short: false,
  },
  {
    name: "W5",
    what: "one stream of 20,000 events as fast as they go",
    bytes: KB,
    stream: true,
    plan: { events: 20_000, paceMs: 0 },
    count: 1,
    atOnce: 1,
    rounds: 2,
    warmUp: { count: 1, atOnce: 1, plan: { events: 5000, paceMs: 0 } },
    stamps: true,
    short: false,
  },
  {
    name: "W5x16",
    what: "16 streams of 20,000 events at once, as fast as they go",
    bytes: KB,
    stream: true,
    plan: { events: 20_000, paceMs: 0 },
    count: 16,
    atOnce: 16,
    rounds: 1,
    warmUp: { count: 16, atOnce: 16, plan: { events: 500, paceMs: 0 } },
    stamps: false,
    short: true,
  },
];
