/** Issues, revokes and reveals keys. */
import type * as z from "zod/mini";
import { KleisError } from "../../errors.ts";
import type { Json, JsonObject } from "../../json.ts";
import { type IssuedKey, issueKey } from "../../keys/issue.ts";
import type { KeyRecord } from "../../storage/port.ts";
import type { keyBody } from "../api/schemas.ts";
import type { AdminDeps } from "../context.ts";
import { notFound } from "../errors.ts";
import type { Audit } from "./audit.ts";

type KeyOptions = z.output<typeof keyBody>;

export interface KeyActions {
  /** Throws `invalid_request` for a key that could never be used: already expired, or limited to what does not exist. */
  issue(options: KeyOptions, audit: Audit): Promise<IssuedKey>;
  /** Throws `not_found`. */
  update(id: string, change: Pick<KeyRecord, "failover">, audit: Audit): Promise<KeyRecord>;
  /** Throws `not_found`. */
  revoke(id: string, audit: Audit): Promise<KeyRecord>;
  /**
   * The secrets of a key, to be shown or for a test request; before they are shown, the caller has checked that the session
   * is fresh. Throws `not_found`.
   */
  reveal(
    id: string,
    audit: Audit,
    action?: "key.reveal" | "key.test",
  ): Promise<{ key: string; discoveryToken: string }>;
}

export function createKeyActions(deps: AdminDeps): KeyActions {
  const { runtime, keys } = deps;
  const { storage, clock } = runtime;
  return {
    async issue(options, audit) {
      await checkOptions(options, deps);
      const { label, providers, models, accounts, failover, expires_at } = options;
      const issued = await issueKey(runtime, {
        label,
        providers,
        models,
        accounts,
        failover,
        expiresAt: expires_at,
      });
      const detail = { label: issued.record.label, providers, models, accounts, failover, expires_at };
      audit({ action: "key.issue", target: issued.record.id, detail: definedOf(detail) });
      return issued;
    },
    async update(id, change, audit) {
      const key = await storage.keys.update(id, change);
      if (key === null) throw notFound("key");
      keys.forget(key.id);
      audit({ action: "key.update", target: key.id, detail: { ...change } });
      return key;
    },
    async revoke(id, audit) {
      const key = await storage.keys.revoke(id, clock.now());
      if (key === null) throw notFound("key");
      keys.forget(key.id);
      audit({ action: "key.revoke", target: key.id });
      return key;
    },
    async reveal(id, audit, action = "key.reveal") {
      const secrets = await storage.keys.reveal(id);
      if (secrets === null) throw notFound("key");
      audit({ action, target: id });
      return secrets;
    },
  };
}

/** What was asked for, without what was not. */
function definedOf(options: Readonly<Record<string, Json | undefined>>): JsonObject {
  const defined: JsonObject = {};
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== null) defined[name] = value;
  }
  return defined;
}

async function checkOptions({ expires_at, providers, accounts }: KeyOptions, deps: AdminDeps): Promise<void> {
  if (typeof expires_at === "number" && expires_at <= deps.runtime.clock.now()) {
    throw invalid("expires_at", "must lie in the future, in epoch milliseconds (not seconds).");
  }
  const known = deps.providers.map(({ id }) => id);
  if (providers?.some((id) => !known.includes(id))) {
    throw invalid("providers", `holds an unknown provider. Known: ${known.join(", ")}.`);
  }
  if (!accounts) return;
  const stored = await deps.runtime.storage.accounts.list();
  for (const id of accounts) {
    const account = stored.find((candidate) => candidate.id === id);
    if (account === undefined) {
      throw invalid("accounts", "holds an unknown account. List them with GET /admin/accounts.");
    }
    if (providers && !providers.includes(account.provider)) {
      throw invalid(
        "accounts",
        `holds ${id}, an account of ${account.provider}, which is not among the providers.`,
      );
    }
  }
}

function invalid(param: string, predicate: string): KleisError {
  return new KleisError("invalid_request", `${param}: ${predicate}`, { param });
}
