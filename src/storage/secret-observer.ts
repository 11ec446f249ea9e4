/**
 * Wraps storage and reports every secret that passes through, in or out, to the redactor that keeps the log
 * clean. Changes nothing of what passes.
 */
import { isObject, type JsonObject } from "../json.ts";
import type { AccountSecrets, Storage } from "./port.ts";

type OnSecret = (secret: string | null | undefined) => void;

export function observeSecrets(storage: Storage, onSecret: OnSecret): Storage {
  const { accounts, refreshes, keys, requests, oauthStates } = storage;
  return watch(storage, {
    accounts: watch(accounts, accountObserver(accounts, onSecret)),
    refreshes: watch(refreshes, refreshObserver(refreshes, onSecret)),
    keys: watch(keys, keyObserver(keys, onSecret)),
    requests: watch(requests, requestObserver(requests, onSecret)),
    oauthStates: watch(oauthStates, signInObserver(oauthStates, onSecret)),
  });
}

function accountObserver(store: Storage["accounts"], onSecret: OnSecret): Partial<Storage["accounts"]> {
  return {
    async secrets(id) {
      const found = await store.secrets(id);
      reportTokens(found, onSecret);
      return found;
    },
    async open(id) {
      const found = await store.open(id);
      reportTokens(found?.secrets, onSecret);
      return found;
    },
    save(account, isSame) {
      reportTokens(account, onSecret);
      return store.save(account, isSame);
    },
  };
}

function refreshObserver(store: Storage["refreshes"], onSecret: OnSecret): Partial<Storage["refreshes"]> {
  return {
    async read(id) {
      const found = await store.read(id);
      reportTokens(found?.secrets, onSecret);
      return found;
    },
    async acquire(id, options) {
      const found = await store.acquire(id, options);
      reportTokens(found?.state.secrets, onSecret);
      return found;
    },
    commit(id, lease, next, metadata, now) {
      reportTokens(next, onSecret);
      return store.commit(id, lease, next, metadata, now);
    },
  };
}

function keyObserver(store: Storage["keys"], onSecret: OnSecret): Partial<Storage["keys"]> {
  return {
    insert(key) {
      onSecret(key.key);
      onSecret(key.discoveryToken);
      return store.insert(key);
    },
    async reveal(id) {
      const found = await store.reveal(id);
      onSecret(found?.key);
      onSecret(found?.discoveryToken);
      return found;
    },
  };
}

function requestObserver(store: Storage["requests"], onSecret: OnSecret): Partial<Storage["requests"]> {
  return {
    async read(keyHash, options) {
      const found = await store.read(keyHash, options);
      if (found === null || found.accounts === null) return found;
      const sealed = found.accounts.sealed.map((account) => ({
        ...account,
        async open() {
          const open = await account.open();
          reportTokens(open.secrets, onSecret);
          return open;
        },
      }));
      return { ...found, accounts: { ...found.accounts, sealed } };
    },
  };
}

function signInObserver(store: Storage["oauthStates"], onSecret: OnSecret): Partial<Storage["oauthStates"]> {
  return {
    insert(state) {
      reportTexts(state.secret, onSecret);
      return store.insert(state);
    },
    async get(state) {
      const found = await store.get(state);
      if (found !== null) reportTexts(found.secret, onSecret);
      return found;
    },
    update(state, secret, version) {
      reportTexts(secret, onSecret);
      return store.update(state, secret, version);
    },
  };
}

/** The store with some members replaced; all others are looked up on each use. */
function watch<Store extends object>(store: Store, own: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => Reflect.get(name in own ? own : target, name),
  });
}

function reportTokens(secrets: AccountSecrets | null | undefined, onSecret: OnSecret): void {
  for (const name of ["accessToken", "refreshToken", "idToken", "apiKey"] as const) onSecret(secrets?.[name]);
}

/** Reports every text in a sign-in's secret: verifier, device code and anything else that a provider stores there. */
function reportTexts(value: JsonObject, onSecret: OnSecret): void {
  for (const each of Object.values(value)) {
    if (typeof each === "string") onSecret(each);
    else if (isObject(each)) reportTexts(each, onSecret);
  }
}
