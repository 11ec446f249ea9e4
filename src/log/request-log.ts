/** One log entry per request: what was asked, who served it, how it ended and how long it took. Holds no secret and no body. */
import type { Clock, LogFields, Logger } from "../runtime.ts";

export interface RequestLog {
  addFields(fields: LogFields): void;
  /** Adds the time since the request began, ms, under this name. */
  mark(name: string): void;
  /** Writes the entry; only the first call counts. */
  end(fields: LogFields, level?: "debug" | "info"): void;
}

/** The log of a request, with what its entry holds so far. */
export interface RequestEntry extends RequestLog {
  readonly fields: LogFields;
}

export function createRequestLog(logger: Logger, clock: Clock, first: LogFields): RequestEntry {
  const begun = clock.now();
  let fields: LogFields = first;
  let ended = false;
  return {
    get fields() {
      return fields;
    },
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
