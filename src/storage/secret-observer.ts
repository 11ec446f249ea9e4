/**
 * The storage port with an ear on it: every secret that passes through, in or out, is told to whoever keeps the log
 * clean. Changes nothing of what passes.
 */
import { isObject, type JsonObject } from "../json.ts";
import type { AccountSecrets, Storage } from "./port.ts";

type Hold = (secret: string | null | undefined) => void;

export function overheard(storage: Storage, hold: Hold): Storage {
  const secrets = (held: AccountSecrets | null | undefined) => {
    for (const name of ["accessToken", "refreshToken", "idToken", "apiKey"] as const) hold(held?.[name]);
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
      async acquire(id, wish) {
        const found = await storage.refreshes.acquire(id, wish);
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
        hold(key.key);
        hold(key.discoveryToken);
        return storage.keys.insert(key);
      },
      async reveal(id) {
        const found = await storage.keys.reveal(id);
        hold(found?.key);
        hold(found?.discoveryToken);
        return found;
      },
    }),
    requests: watch(storage.requests, {
      async read(keyHash, wish) {
        const found = await storage.requests.read(keyHash, wish);
        if (found === null || found.accounts === null) return found;
        const closed = found.accounts.closed.map((account) => ({
          ...account,
          async open() {
            const open = await account.open();
            secrets(open.secrets);
            return open;
          },
        }));
        return { ...found, accounts: { ...found.accounts, closed } };
      },
    }),
    oauthStates: watch(storage.oauthStates, {
      insert(state) {
        texts(state.secret, hold);
        return storage.oauthStates.insert(state);
      },
      async get(state) {
        const found = await storage.oauthStates.get(state);
        if (found !== null) texts(found.secret, hold);
        return found;
      },
      update(state, secret, version) {
        texts(secret, hold);
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
function texts(value: JsonObject, hold: Hold): void {
  for (const each of Object.values(value)) {
    if (typeof each === "string") hold(each);
    else if (isObject(each)) texts(each, hold);
  }
}
