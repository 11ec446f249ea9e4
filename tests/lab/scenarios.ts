/** What is tried with each agent, and what makes it a success. */
import type { Protocol } from "../../src/protocols/protocol.ts";
import type { Exchange } from "../conformance/exchange.ts";
import { type Dict, objectsOf, stringOf } from "../fakes/inspect.ts";
import { REASONING_TEXT } from "../fakes/scenarios/chat.ts";
import { signatureFor, THOUGHT } from "../fakes/scenarios/messages.ts";
import { REASONING } from "../fakes/scenarios/responses.ts";
import { textOf } from "./fields.ts";
import type { Ending } from "./launch.ts";
import type { Script, Turn, Words } from "./model.ts";
import { failed, notApplicable, OK, type Verdict } from "./table.ts";

/** Everything that is known of one start of an agent. */
export interface Run {
  readonly ending: Ending;
  readonly words: Words;
  /** What the agent asked of Kleis. */
  readonly exchanges: readonly Exchange[];
  /** What of that reached the model, without side errands. */
  readonly turns: readonly Turn[];
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
function replayed({ words, turns, exchanges }: Run): Verdict | null {
  const { protocol, body } = turns.at(-1) ?? { protocol: "chat", body: {} };
  const { marks, returned } = REPLAYS[protocol];
  const wanted = marks(words);
  if (!wanted.every((mark) => exchanges.some(({ answer }) => answer?.body.includes(mark))))
    return failed("the reasoning did not reach the agent");
  if (!exchanges.some(({ request }) => wanted.some((mark) => textOf(request).includes(mark))))
    return notApplicable("the agent leaves the reasoning out of its next request");
  return returned(body, words)
    ? null
    : failed("the agent sent the reasoning back, and it did not arrive unaltered");
}

interface Replay {
  /** Texts that stand for the reasoning in what the model said. */
  marks(words: Words): string[];
  /** Whether a request to the provider holds it as it was. */
  returned(body: Dict, words: Words): boolean;
}

const REPLAYS: Record<Protocol, Replay> = {
  messages: {
    marks: () => [signatureFor(THOUGHT)],
    returned(body) {
      const blocks = objectsOf(body.messages).flatMap(({ content }) => objectsOf(content));
      const thought = blocks.find(({ type }) => type === "thinking");
      return thought?.thinking === THOUGHT && thought.signature === signatureFor(THOUGHT);
    },
  },
  responses: {
    marks: ({ sealed }) => [sealed],
    returned(body, { sealed }) {
      const item = objectsOf(body.input).find(({ type }) => type === "reasoning");
      const summary = objectsOf(item?.summary).map(({ text }) => text);
      return item?.encrypted_content === sealed && summary.join() === REASONING;
    },
  },
  chat: {
    marks: ({ sealed }) => [sealed, REASONING_TEXT],
    returned(body, { sealed }) {
      const values = objectsOf(body.messages).flatMap((message) =>
        Object.entries(message).flatMap(([name, value]) => (name.startsWith("reasoning") ? [value] : [])),
      );
      return values.length > 0 && values.every((value) => value === sealed || value === REASONING_TEXT);
    },
  },
};

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
