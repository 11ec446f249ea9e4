/** What is tried with each agent, and what makes it a success. */
import type { Protocol } from "../../src/protocols/protocol.ts";
import { CARRIER_MARK } from "../../src/protocols/translate/carriers/carrier.ts";
import type { Exchange } from "../conformance/exchange.ts";
import { type Dict, objectsOf, stringOf } from "../fakes/inspect.ts";
import { REASONING_TEXT } from "../fakes/scenarios/chat.ts";
import { signatureFor, THOUGHT } from "../fakes/scenarios/messages.ts";
import { REASONING } from "../fakes/scenarios/responses.ts";
import { textOf } from "./fields.ts";
import type { Ending } from "./launch.ts";
import { CALLS, type Script, type Turn, type Words } from "./model.ts";
import { isTranslated, type Route } from "./routes.ts";
import { failed, notApplicable, OK, type Verdict } from "./table.ts";

/** Everything that is known of one start of an agent. */
export interface Run {
  readonly ending: Ending;
  readonly words: Words;
  /** What the agent asked of Kleis. */
  readonly exchanges: readonly Exchange[];
  /** What of that reached the model, without side errands. */
  readonly turns: readonly Turn[];
  readonly route: Route;
  /** How long an agent may take to give up on a wrong key. */
  readonly soonMs: number;
  /** Names of the declared tools when the model could use none of them, else null. */
  readonly unusable: string | null;
}

export interface Scenario {
  readonly name: string;
  readonly script: Script;
  /** The agent is given a key that Kleis does not know. */
  readonly hasWrongKey?: boolean;
  judge(run: Run): Verdict;
}

/** Refused requests with a wrong key; agents check a few addresses and start several requests at once. */
const REFUSALS_AT_MOST = 8;
const KEY_WORDS = /api.?key|\bkey\b|\b401\b|unauthori[sz]ed|authenticat/i;
const LENGTH_WORDS = /context|too long|prompt token|compact|exceeds the limit/i;
const ERROR_WORDS = /error|fail|broke|interrupt|incomplete|disconnect|terminated|cut off|lost|abort/i;

export const SCENARIOS: readonly Scenario[] = [
  { name: "text", script: "text", judge: answered },
  { name: "tool loop", script: "tool", judge: (run) => looped(run) ?? answered(run) },
  {
    name: "reasoning replay",
    script: "reasoning",
    judge: (run) => looped(run) ?? replayed(run) ?? answered(run),
  },
  { name: "wrong key", script: "text", hasWrongKey: true, judge: refused },
  { name: "cut stream", script: "cut", judge: noticed },
  { name: "context overflow", script: "overflow", judge: shortened },
];

function answered({ ending, words, turns }: Run): Verdict {
  if (turns.length === 0) return failed("no request of the agent's reached the provider");
  if (!ending.output.includes(words.end)) return failed("it does not show the model's answer");
  return ending.code === 0 ? OK : failed(`it ended with ${ending.code} although it was answered`);
}

/** The tool was executed, and what it brought was sent. */
function looped({ words, turns, unusable }: Run): Verdict | null {
  if (unusable !== null) return failed(`none of its tools reads a file: ${unusable}`);
  if (turns.length < 2) return failed(`${turns.length} requests of the agent's reached the provider, not 2`);
  if (!JSON.stringify(turns.at(-1)?.body).includes(words.note))
    return failed("the file's text did not come back as the tool's result");
  return null;
}

/**
 * What the model has reasoned reaches the agent, and comes back to the provider unaltered when the agent sends it. Some
 * agents leave it out, which Kleis can do nothing about.
 */
function replayed({ words, turns, exchanges, route }: Run): Verdict | null {
  const { mark, pieces } = REPLAYS[route.to];
  // A model that is reached by translation has its reasoning carried under Kleis's own mark.
  const wanted = isTranslated(route) ? CARRIER_MARK : mark(words);
  if (!exchanges.some(({ answer }) => answer?.body.includes(wanted)))
    return failed("the reasoning did not reach the agent");
  const sent = Math.max(...exchanges.map(({ request }) => textOf(request).split(wanted).length - 1));
  if (sent === 0) return notApplicable("the agent leaves the reasoning out of its next request");
  const arrived = pieces(turns.at(-1)?.body ?? {}, words);
  return arrived.length >= Math.min(sent, CALLS.reasoning) && arrived.every((isWhole) => isWhole)
    ? null
    : failed("the agent sent the reasoning back, and it did not arrive unaltered");
}

interface Replay {
  /** A text that stands for the reasoning in what the model said. */
  mark(words: Words): string;
  /** Each piece of reasoning in a request to the provider, and whether it is as it was. */
  pieces(body: Dict, words: Words): boolean[];
}

const REPLAYS: Record<Protocol, Replay> = {
  messages: {
    mark: () => signatureFor(THOUGHT),
    pieces: (body) =>
      objectsOf(body.messages)
        .flatMap(({ content }) => objectsOf(content))
        .filter(({ type }) => type === "thinking")
        .map(({ thinking, signature }) => thinking === THOUGHT && signature === signatureFor(THOUGHT)),
  },
  responses: {
    mark: ({ sealed }) => sealed,
    pieces: (body, { sealed }) =>
      objectsOf(body.input)
        .filter(({ type }) => type === "reasoning")
        .map(({ summary, encrypted_content }) => {
          const text = objectsOf(summary).map((part) => part.text);
          return encrypted_content === sealed && text.join() === REASONING;
        }),
  },
  chat: {
    mark: ({ sealed }) => sealed,
    pieces: (body, { sealed }) =>
      objectsOf(body.messages).flatMap((message) => {
        const values = Object.entries(message).flatMap(([name, value]) =>
          name.startsWith("reasoning") ? [value] : [],
        );
        const isWhole = values.every((value) => value === sealed || value === REASONING_TEXT);
        return values.length === 0 ? [] : [isWhole];
      }),
  },
};

/** Makes the conversation shorter and shows the answer, or says that it is too long. */
function shortened({ ending, words, turns }: Run): Verdict {
  if (turns.length === 0) return failed("no request of the agent's reached the provider");
  if (ending.output.includes(words.end)) return OK;
  if (ending.output.trim() === "") return notApplicable("the agent ends without a word");
  return LENGTH_WORDS.test(ending.output) ? OK : failed("it does not say that the conversation is too long");
}

/** Ends by itself, soon, with words about the key. */
function refused({ ending, exchanges, turns, soonMs }: Run): Verdict {
  if (turns.length > 0) return failed("a request with a wrong key reached the provider");
  const refusals = exchanges.filter(({ answer }) => / 401 /.test(answer?.head.split("\r\n")[0] ?? ""));
  if (refusals.length === 0) return failed("it asked nothing of Kleis");
  if (refusals.length > REFUSALS_AT_MOST) return failed(`it asked ${refusals.length} times`);
  if (ending.ms > soonMs) return failed(`it ended only after ${Math.round(ending.ms / 1000)} s`);
  return KEY_WORDS.test(ending.output) ? OK : failed("it does not say that the key is wrong");
}

/** Asks again and shows the whole answer, or says that it has no whole answer. */
function noticed({ ending, words, turns }: Run): Verdict {
  if (turns.length === 0) return failed("no request of the agent's reached the provider");
  if (ending.output.includes(words.end)) return OK;
  if (turns.length > 1) return failed("it asked again, but does not show the whole answer");
  const isSaid = ERROR_WORDS.test(ending.output);
  if (ending.code === 0 && !isSaid) return failed("it takes a cut answer for a whole one");
  return isSaid ? OK : failed(`it ended with ${ending.code} without a word`);
}

/** Each error response that the agent got, as one line. */
export function errorsIn(exchanges: readonly Exchange[]): string[] {
  return exchanges
    .filter(({ answer }) => / [45]\d\d /.test(answer?.head.split("\r\n")[0] ?? ""))
    .map(
      ({ method, path, answer }) =>
        `${method} ${path}: ${stringOf(answer?.head.split("\r\n")[0])} ${answer?.body.toString().slice(0, 300)}`,
    );
}
