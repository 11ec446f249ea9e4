/**
 * `GET /models` and `GET /models/*`, mounted under `/v1` and under each forced prefix. The key comes from `authenticate`, the
 * list from `models/`. Never redirects, which Claude Code takes for a failure.
 */
import { type Context, Hono } from "hono";
import { KleisError } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { byAccountPreference } from "../limits/inputs.ts";
import { requestLoggerOf } from "../log/request-logger.ts";
import type { CatalogueEntry } from "../models/catalogue/catalogue.ts";
import {
  findModel,
  hiddenModels,
  type ListInput,
  listModels,
  listObject,
  modelObject,
} from "../models/catalogue/list.ts";
import { pageOf } from "../models/catalogue/messages-page.ts";
import { modelInfos } from "../models/catalogue/model-info.ts";
import type { ModelSource } from "../models/catalogue/source.ts";
import { MAX_MODEL_ID } from "../models/registry/schema.ts";
import { accessOf, type KeyScopes } from "../models/resolve/access.ts";
import { nearestName } from "../models/resolve/nearest.ts";
import { isMessagesClient } from "../protocols/messages/client.ts";
import type { Provider } from "../providers/provider.ts";
import type { AccountRecord, KeyRecord } from "../storage/port.ts";
import { respondWithError } from "./error-response.ts";

export interface ModelRouteDeps {
  readonly providers: readonly Provider[];
  readonly source: Pick<ModelSource, "current" | "rows">;
  /** The id of the provider that the mount's prefix forces. */
  readonly forced?: string;
  /** The request's key and all accounts; throws `KleisError` where the key is not valid. */
  authenticate(c: Context): Promise<{ key: RequestKey; accounts: readonly AccountRecord[] }>;
}

type RequestKey = KeyScopes & Pick<KeyRecord, "id">;

/** Every model, in any protocol. Messages clients get their paging and their error shape. */
export function createModelRoutes(deps: ModelRouteDeps): Hono {
  const respond = async (c: Context, id: string): Promise<Response> => {
    try {
      return c.json(id === "" ? await list(deps, c) : await one(deps, c, id), 200, {
        "cache-control": "no-store",
      });
    } catch (error) {
      if (!(error instanceof KleisError)) throw error;
      return respondWithError(c, error, isMessagesClient(c.req.raw.headers) ? "messages" : "chat");
    }
  };
  const routes = new Hono();
  routes.get("/models", (c) => respond(c, ""));
  routes.get("/models/*", (c) => respond(c, idOf(c)));
  return routes;
}

async function list(deps: ModelRouteDeps, c: Context) {
  const { accounts, ...input } = await inputOf(deps, c);
  const models = listModels(input);
  const query = new URL(c.req.url).searchParams;
  if (!isMessagesClient(c.req.raw.headers)) {
    const body = listObject({ models, hasMore: false });
    if (!query.has("client_version")) return body;
    const rowOf = await providerRows(deps, input, accounts);
    return { ...body, models: modelInfos(models, hiddenModels(input), rowOf) };
  }
  const result = pageOf(models, query);
  if (!result.ok) throw new KleisError("invalid_request", result.message, { param: result.param });
  return listObject(result.page);
}

/** The provider's own row for what is listed: of the account that would be asked first among those that have it. */
async function providerRows(
  { source, providers }: ModelRouteDeps,
  { access, catalogue }: ListInput,
  accounts: readonly AccountRecord[],
) {
  const usable = new Set([...access.usable.values()].flat().map(({ id }) => id));
  const asked = accounts.filter(({ id }) => usable.has(id)).sort(byAccountPreference);
  const rowOf = await source.rows(asked);
  return ({ id, provider: name }: CatalogueEntry): JsonObject | undefined => {
    const provider = providers.find((candidate) => candidate.id === name);
    if (provider === undefined) return undefined;
    for (const account of asked) {
      if (account.provider !== name || !catalogue.served(provider, [account]).get(id)) continue;
      const row = rowOf(account.id, id);
      if (row !== undefined) return row;
    }
    return undefined;
  };
}

async function one(deps: ModelRouteDeps, c: Context, requested: string) {
  const { accounts: _, ...input } = await inputOf(deps, c);
  const models = listModels(input);
  const model = findModel(models, { ...input, requested });
  if (model !== undefined) return modelObject(model);
  const named = requested.slice(0, MAX_MODEL_ID);
  const nearest = nearestName(
    named,
    models.map(({ id }) => id),
  );
  const hint = nearest === undefined ? "" : ` Did you mean ${JSON.stringify(nearest)}?`;
  throw new KleisError(
    "model_not_found",
    `There is no model ${JSON.stringify(named)} for this key here.${hint} GET /v1/models lists what there is.`,
    { param: "model", type: "invalid_request_error" },
  );
}

async function inputOf(
  { authenticate, source, providers, forced }: ModelRouteDeps,
  c: Context,
): Promise<ListInput & { accounts: readonly AccountRecord[] }> {
  const { key, accounts } = await authenticate(c);
  requestLoggerOf(c).addFields({ key: key.id });
  const catalogue = await source.current(accounts, "network");
  return { providers, catalogue, access: accessOf(accounts, key), forced, accounts };
}

/** The id after `/models/`, decoded once; ids may hold `/`, written plainly or as `%2F`. */
function idOf(c: Context): string {
  const { path } = c.req;
  const id = path.slice(path.indexOf("/models/") + "/models/".length);
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
