/** Ends the process in order, whatever ends it: a signal, a terminal that closes, an error that nothing caught. */
import { errorFacts } from "../../src/log/error-facts.ts";
import { createLogger } from "./logger.ts";
import { exit, write } from "./output.ts";

/**
 * Every signal that ends a process and can be caught, where somebody sends it: SIGHUP for a terminal, an SSH session or
 * (on Windows) a console window that closes, SIGQUIT for Ctrl-\, SIGBREAK for Ctrl-Break on Windows, SIGUSR2 from
 * restarters, SIGXCPU and SIGPWR from the system. SIGUSR1 is Node's own. Windows ends a process 5 to 10 s after its
 * console window closed, whatever it does. scripts/pass-signals.mjs has the same list.
 */
export const ENDING_SIGNALS: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGBREAK",
  "SIGUSR2",
  "SIGALRM",
  "SIGXCPU",
  "SIGPWR",
];

/**
 * Signals this soon after the first are the same wish, ms: a terminal sends one Ctrl-C to everybody in its group, and
 * npm and scripts/start.mjs pass theirs on as well.
 */
const SAME_WISH_MS = 2_000;

/** What a person sends again to hurry. A session that ends sends SIGHUP and SIGTERM one after the other instead. */
const CAN_HURRY: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGTERM", "SIGQUIT", "SIGBREAK"]);

/**
 * Calls `begin` at the first signal that ends a process. A later Ctrl-C, or the first signal once more, ends the process
 * at once with code 1.
 */
export function onEndingSignal(begin: () => void): void {
  let first: { readonly at: number; readonly signal: NodeJS.Signals } | null = null;
  for (const signal of ENDING_SIGNALS) {
    process.on(signal, () => {
      if (first === null) {
        first = { at: performance.now(), signal };
        return begin();
      }
      const isRepeated = signal === "SIGINT" || (signal === first.signal && CAN_HURRY.has(signal));
      if (isRepeated && performance.now() - first.at > SAME_WISH_MS) process.exit(1);
    });
  }
}

export interface Ending {
  /** Ends what is under way. Called once. */
  close(): Promise<void>;
  /** The longest that it takes, ms. */
  readonly limitMs: number;
}

/** From now on the process ends by `close`: with code 0 after a signal, with 1 after an error that nothing caught. */
export function endInOrder({ close, limitMs }: Ending): void {
  let isEnding = false;
  let code = 0;
  const end = (why: string) => {
    if (isEnding) return;
    isEnding = true;
    write(
      "stdout",
      `Kleis is ending${why}: what is under way may finish, for up to ${limitMs / 1000} s. Another Ctrl-C, two seconds from now or later, ends it at once; a sign-in that is being renewed may then be lost.\n`,
    );
    void close()
      .catch((error: unknown) => {
        code = 1;
        logUncaught(error);
      })
      .then(() => exit(code));
  };

  onEndingSignal(() => end(""));
  // Rejections that nothing handles come here, too.
  process.on("uncaughtException", (error) => {
    code = 1;
    logUncaught(error);
    end(" because of an error that nothing caught (the log says which)");
  });
}

/** Logged whatever the level is: it is why the process ends. */
function logUncaught(error: unknown): void {
  createLogger("error").error("uncaught_error", errorFacts(error));
}
