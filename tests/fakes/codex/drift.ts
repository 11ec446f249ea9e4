/** What the backend's list of models may have become since the facts were written down; a test switches it on. */
import { type Dict, objectsOf } from "../inspect.ts";
import type { RecordedRequest } from "../server.ts";

export interface ListDrift {
  /** A model that only versions from 0.500.0 on are told of. */
  newModel: string | null;
  /** The window of every model that the list names; null: as ever. */
  contextWindow: number | null;
}

export function drifted(rows: unknown, request: RecordedRequest, drift: ListDrift): Dict[] {
  const { newModel, contextWindow } = drift;
  const minor = Number(request.query.get("client_version")?.split(".")[1] ?? 0);
  const known = objectsOf(rows);
  const isTold = newModel !== null && minor >= 500;
  const fresh = isTold ? [{ ...known[0], slug: newModel, minimal_client_version: "0.500.0" }] : [];
  return [...known, ...fresh].map((row) =>
    contextWindow === null ? row : { ...row, context_window: contextWindow },
  );
}
