/**
 * Wraps storage and reports every secret that passes through, in or out, to the redactor that keeps the log
 * clean. Changes nothing of what passes.
 */
import { isObject, type JsonObject } from "../json.ts";
import type { AccountSecrets, Storage } from "./port.ts";

type OnSecret = (secret: string | null | undefined) => void;

export function observeSecrets(storage: Storage, onSecret: OnSecret): Storage {
  const secrets = (held: AccountSecrets | null | undefined) => {
    for (const name of ["accessToken", "refreshToken", "idToken", "apiKey"] as const) onSecret(held?.[name]);
  };
  return watch(storage, {
    accounts: watch(storage.accounts, {
      async secrets(id) {
        const found = await storage.accounts.secrets(id);
        secrets(found);
        return found;
      },
      async open(id) {
        const found = await storage.accounts.open(id);
        secrets(found?.secrets);
        return found;
      },
      save(account, isSame) {
        secrets(account);
        return storage.accounts.save(account, isSame);
      },
    }),
    refreshes: watch(storage.refreshes, {
      async read(id) {
        const found = await storage.refreshes.read(id);
        secrets(found?.secrets);
        return found;
      },
      async acquire(id, options) {
        const found = await storage.refreshes.acquire(id, options);
        secrets(found?.state.secrets);
        return found;
      },
      commit(id, lease, next, metadata, now) {
        secrets(next);
        return storage.refreshes.commit(id, lease, next, metadata, now);
      },
    }),
    keys: watch(storage.keys, {
      insert(key) {
        onSecret(key.key);
        onSecret(key.discoveryToken);
        return storage.keys.insert(key);
      },
      async reveal(id) {
        const found = await storage.keys.reveal(id);
        onSecret(found?.key);
        onSecret(found?.discoveryToken);
        return found;
      },
    }),
    requests: watch(storage.requests, {
      async read(keyHash, options) {
        const found = await storage.requests.read(keyHash, options);
        if (found === null || found.accounts === null) return found;
        const sealed = found.accounts.sealed.map((account) => ({
          ...account,
          async open() {
            const open = await account.open();
            secrets(open.secrets);
            return open;
          },
        }));
        return { ...found, accounts: { ...found.accounts, sealed } };
      },
    }),
    oauthStates: watch(storage.oauthStates, {
      insert(state) {
        texts(state.secret, onSecret);
        return storage.oauthStates.insert(state);
      },
      async get(state) {
        const found = await storage.oauthStates.get(state);
        if (found !== null) texts(found.secret, onSecret);
        return found;
      },
      update(state, secret, version) {
        texts(secret, onSecret);
        return storage.oauthStates.update(state, secret, version);
      },
    }),
  });
}

/** The store with some members replaced; all others are looked up when they are used. */
function watch<Store extends object>(store: Store, own: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => Reflect.get(name in own ? own : target, name),
  });
}

/** Every text in a sign-in's secret: verifier, device code, whatever else a provider keeps there. */
function texts(value: JsonObject, onSecret: OnSecret): void {
  for (const each of Object.values(value)) {
    if (typeof each === "string") onSecret(each);
    else if (isObject(each)) texts(each, onSecret);
  }
}
