import type { LogFields } from "../../runtime.ts";

/** Adds fields to the request's log entry, such as `on`: the ids of what an action created. */
export type Audit = (fields: LogFields) => void;
