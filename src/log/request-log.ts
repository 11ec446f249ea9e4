/** One log entry per request: what was asked, who served it, how it ended and how long it took. Holds no secret and no body. */
import type { Clock, LogFields, Logger } from "../runtime.ts";

export interface RequestLog {
  addFields(fields: LogFields): void;
  /** Adds the time since the request began, ms, under this name. */
  mark(name: string): void;
  /** Writes the entry; only the first call counts. */
  end(fields: LogFields, level?: "debug" | "info"): void;
}

export function createRequestLog(logger: Logger, clock: Clock, first: LogFields): RequestLog {
  const begun = clock.now();
  let fields: LogFields = first;
  let ended = false;
  return {
    addFields(more) {
      fields = { ...fields, ...more };
    },
    mark(name) {
      fields = { ...fields, [name]: clock.now() - begun };
    },
    end(more, level = "info") {
      if (ended) return;
      ended = true;
      logger[level]("request", { ...fields, ...more, duration_ms: clock.now() - begun });
    },
  };
}
