/** One line per request: what was asked, who answered, how it ended and how long it took. Holds no secret and no body. */
import type { Clock, LogFields, Logger } from "../runtime.ts";

export interface RequestLog {
  note(fields: LogFields): void;
  /** Notes under this name how long it took to get here, ms. */
  mark(name: string): void;
  /** Writes the line; only the first call counts. */
  end(fields: LogFields): void;
}

/** `onEnd` is called once, when the answer has ended. */
export function createRequestLog(
  logger: Logger,
  clock: Clock,
  first: LogFields,
  onEnd: () => void = () => {},
): RequestLog {
  const begun = clock.now();
  let fields: LogFields = first;
  let ended = false;
  return {
    note(more) {
      fields = { ...fields, ...more };
    },
    mark(name) {
      fields = { ...fields, [name]: clock.now() - begun };
    },
    end(more) {
      if (ended) return;
      ended = true;
      onEnd();
      logger.info("request", { ...fields, ...more, duration_ms: clock.now() - begun });
    },
  };
}
