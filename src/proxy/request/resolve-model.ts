/** From the model that a body names to the provider and its model, within the key's scope. */
import { KleisError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { MAX_MODEL_ID } from "../../models/registry/schema.ts";
import { accessOf, modelScope } from "../../models/resolve/access.ts";
import { resolveMemoized } from "../../models/resolve/memo.ts";
import type { Provider } from "../../providers/provider.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { ProxyCall, ProxyDeps, Target } from "../context.ts";
import { toolModels } from "./model-members.ts";
import type { RequestBody } from "./request-body.ts";

/** The model that the body names. Throws `invalid_request` where it names none. */
export function modelOf({ model }: JsonObject): string {
  if (typeof model === "string") return model;
  const message =
    model === undefined
      ? "`model` is missing. Name one of GET /v1/models."
      : "`model` must be a string. Name one of GET /v1/models.";
  throw new KleisError("invalid_request", message, { param: "model" });
}

export async function resolveModel(
  { models, providers }: Pick<ProxyDeps, "models" | "providers">,
  call: Pick<ProxyCall, "forced" | "key" | "adminUrl">,
  requested: string,
  accounts: readonly AccountRecord[],
): Promise<Target> {
  const catalogue = await models.current(accounts);
  const resolution = resolveMemoized({
    requested,
    forced: call.forced,
    providers,
    catalogue,
    access: accessOf(accounts, call.key),
    adminUrl: call.adminUrl,
  });
  if (!resolution.ok) throw new KleisError(resolution.code, resolution.message, { param: "model" });
  const provider = providers.find(({ id }) => id === resolution.provider);
  if (provider === undefined) throw new KleisError("internal_error", "The resolved provider is not known.");
  return {
    provider,
    resolved: resolution,
    describe(account) {
      const entry = catalogue.served(provider, [account]).get(resolution.model);
      return entry && { ...entry.model, limit: entry.limit };
    },
  };
}

/** A tool may call a model of its own (an advisor, an image generator): the key's scope covers that as well. */
export async function checkToolModels(
  { providers }: Pick<ProxyDeps, "providers">,
  { key }: Pick<ProxyCall, "key">,
  body: RequestBody,
  provider: Provider,
): Promise<void> {
  if (key.models === null) return;
  const inScope = modelScope(key.models, providers);
  const foreign = await body.read(async ({ bytes }, pause) => {
    for await (const model of toolModels(bytes, pause)) if (!inScope(provider, model)) return model;
    return undefined;
  });
  if (foreign === undefined) return;
  const named = JSON.stringify(foreign.slice(0, MAX_MODEL_ID));
  throw new KleisError(
    "key_scope",
    `This key may not use ${named}, which a tool of this request names. Leave that tool out, or use a key with a wider scope.`,
    { param: "tools" },
  );
}
