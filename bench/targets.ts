/** What is measured: the provider itself, and for each runtime the bare pipes and Kleis, every row a process of its own. */
import { chatBody, forModel, type MakeBody, messagesBody, responsesBody } from "./bodies.ts";
import type { Yardsticks } from "./builds.ts";
import { type Kleis, prepareNode, prepareWorker } from "./kleis.ts";
import type { Shot } from "./load.ts";
import { type NodeOptions, type Program, startNode, startWorkerd } from "./process.ts";

export const RUNTIMES = ["node", "worker"] as const;
export type Runtime = (typeof RUNTIMES)[number];

export interface Target {
  name: string;
  program: Program;
  /** Resident memory before anything was asked for but a few requests, MB. */
  idleMb: number;
  /** Left out of workloads that are `short`. */
  extra: boolean;
  /** The same account asked in its own protocol, where this target's requests are translated. */
  native?: Target;
  shot(bytes: number, events: number, stream: boolean): Shot;
}

/** One runtime with everything that is measured in it. */
export interface Side {
  runtime: Runtime;
  kleis: Kleis;
  /** Start the bare pipes of this runtime; the options are Node's. */
  startBare(options?: NodeOptions): Promise<Program>;
  startHono(options?: NodeOptions): Promise<Program>;
}

export interface Rows {
  bare: Target;
  hono: Target;
  kleis: Target[];
}

export async function prepare(runtime: Runtime, yardsticks: Yardsticks, upstream: string): Promise<Side> {
  const env = { UPSTREAM: upstream };
  return runtime === "node"
    ? {
        runtime,
        kleis: await prepareNode(upstream),
        startBare: (options) => startNode(yardsticks.bareNode, env, options),
        startHono: (options) => startNode(yardsticks.bareHono, env, options),
      }
    : {
        runtime,
        kleis: await prepareWorker(upstream),
        startBare: () => startWorkerd(yardsticks.bareWorker, env),
        startHono: () => startWorkerd(yardsticks.bareHonoWorker, env),
      };
}

export async function startRows({ runtime, kleis, startBare, startHono }: Side): Promise<Rows> {
  const place = runtime === "node" ? "Node" : "workerd";
  const { apiKey, oauth } = kleis.keys;
  const ask = async (name: string, asked: Omit<Asked, "name" | "program">, more?: Record<string, string>) =>
    target({ name: `Kleis on ${place}, ${name}`, program: await kleis.start(more), ...asked });
  const byKey = { key: apiKey, extra: false };
  const signIn = { key: oauth, extra: true };
  const claude = await ask("Claude sign-in", signIn);
  const codex = await ask("Codex", { ...signIn, path: "/v1/responses", make: responsesBody });
  return {
    bare: target({ name: `bare ${place}`, program: await startBare(), extra: false }),
    hono: target({ name: `bare Hono on ${place}`, program: await startHono(), extra: false }),
    kleis: [
      await ask("Claude API key", byKey),
      ...(runtime === "worker" ? [await ask("the same, native streams", byKey, NATIVE_STREAMS)] : []),
      claude,
      codex,
      await ask("Copilot chat", { ...signIn, path: "/v1/chat/completions", make: chatBody }),
      await ask("Codex in Messages", {
        ...signIn,
        path: "/codex/v1/messages",
        make: forModel(messagesBody, "gpt-5.5"),
        native: codex,
      }),
      await ask("Claude sign-in in Responses", {
        ...signIn,
        path: "/claude/v1/responses",
        make: forModel(responsesBody, "claude-sonnet-5"),
        native: claude,
      }),
    ],
  };
}

/** What an operator may set: workerd passes on by itself the streams that need no change. */
export const NATIVE_STREAMS = { KLEIS_NATIVE_STREAMS: "on" };

const NO_HEADERS: Record<string, string> = {};

interface Asked {
  name: string;
  program: Program;
  key?: string;
  path?: string;
  make?: MakeBody;
  extra: boolean;
  native?: Target;
}

export function target({
  name,
  program,
  key,
  path = "/v1/messages",
  make = messagesBody,
  extra,
  native,
}: Asked): Target {
  return {
    ...(native === undefined ? {} : { native }),
    name,
    program,
    idleMb: Number.NaN,
    extra,
    shot: (bytes, events, stream) => ({
      url: program.url + path,
      headers: key === undefined ? NO_HEADERS : { authorization: `Bearer ${key}` },
      body: make(bytes, stream),
      events,
    }),
  };
}
