/** A storage that reports each call of its parts, for example `keys.findByHash`, before it is made. */
import type { Storage } from "../../src/storage/port.ts";

/** Called before each call; what it throws the call fails with, and the call waits for it. */
export type OnCall = (call: string) => void | Promise<void>;

export function watchStorage(storage: Storage, onCall: OnCall): Storage {
  return watch(storage, "", onCall);
}

function watch<Part extends object>(part: Part, path: string, onCall: OnCall): Part {
  // One and the same each time: what is remembered by the object itself must find it again.
  const parts = new Map<string, object>();
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      const call = path + String(name);
      if (typeof member === "object" && member !== null) {
        const known = parts.get(call) ?? watch(member, `${call}.`, onCall);
        parts.set(call, known);
        return known;
      }
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        await onCall(call);
        return Reflect.apply(member, target, args);
      };
    },
  });
}
