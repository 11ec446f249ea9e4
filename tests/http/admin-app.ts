/** The admin API over the real store and providers, called in memory. */
import { Hono } from "hono";
import { ADMIN_TOKEN } from "../../harness/secrets.ts";
import { createAccountCache } from "../../src/accounts/account-cache.ts";
import { createCredentials } from "../../src/accounts/credentials.ts";
import { createLastRefusals } from "../../src/accounts/last-refusals.ts";
import { createAdminActions } from "../../src/admin/actions/actions.ts";
import { createAuditLog } from "../../src/admin/actions/audit.ts";
import type { ApiDeps } from "../../src/admin/api/context.ts";
import { createAdminRoutes } from "../../src/admin/api/routes.ts";
import type { AdminDeps } from "../../src/admin/context.ts";
import { isObject, type Json, type JsonObject } from "../../src/json.ts";
import { createKeyUses } from "../../src/keys/last-used.ts";
import { createKeyLookup } from "../../src/keys/lookup.ts";
import { createDecisionLog } from "../../src/limits/decision-log.ts";
import { createLimits } from "../../src/limits/limits.ts";
import { POLICY_SETTING } from "../../src/limits/policy.ts";
import { requestLogger } from "../../src/log/request-logger.ts";
import { cacheSetting } from "../../src/models/cached-setting.ts";
import { createModelSource } from "../../src/models/catalogue/source.ts";
import { PROVIDERS } from "../../src/providers/index.ts";
import { createBatchWriter } from "../../src/usage/batch.ts";
import { type Answer, answerOf, requestAs } from "../support/requests.ts";
import { testRuntime } from "../support/runtime.ts";

/** The object under a name of an answer, or the objects of a list under it. */
export function part(json: JsonObject, name: string): JsonObject {
  const value = json[name];
  if (!isObject(value)) throw new Error(`${name} is not an object in ${JSON.stringify(json)}`);
  return value;
}

export function parts(json: JsonObject, name: string): JsonObject[] {
  const value: Json | undefined = json[name];
  if (!Array.isArray(value)) throw new Error(`${name} is not a list in ${JSON.stringify(json)}`);
  return value.filter(isObject);
}

export async function createAdmin(extra: Pick<ApiDeps, "session"> = {}) {
  const context = await testRuntime();
  const { runtime } = context;
  const accountCache = createAccountCache(runtime);
  const credentials = createCredentials({ runtime, providers: PROVIDERS, accountCache });
  const policies = cacheSetting(runtime, POLICY_SETTING);
  const deps: AdminDeps = {
    runtime,
    providers: PROVIDERS,
    accountCache,
    credentials,
    refusals: createLastRefusals(runtime, accountCache),
    limits: createLimits(runtime, () => policies.value()),
    models: createModelSource({ runtime, providers: PROVIDERS, credentials }),
    keys: createKeyLookup(runtime),
    uses: createKeyUses(runtime),
    audit: createAuditLog(runtime),
    decisions: createDecisionLog(runtime, createBatchWriter(runtime), (text) => text),
    policies,
  };
  const app = new Hono();
  app.use(requestLogger(runtime, () => "req_1"));
  app.route("/admin", createAdminRoutes({ ...deps, ...extra, actions: createAdminActions(deps) }));

  const send = async (path: string, init: RequestInit): Promise<Answer> =>
    answerOf(await app.request(`/admin${path}`, init));

  /** As the owner: the token, and the body as JSON when there is one. */
  const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
    send(path, requestAs(ADMIN_TOKEN, method, body));

  return { ...deps, context, send, call };
}
