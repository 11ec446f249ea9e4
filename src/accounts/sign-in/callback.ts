/**
 * Receives browsers that a provider redirects to this machine, where the runtime can listen. One listener serves all
 * sign-ins of a port; the state in the query identifies the sign-in.
 */
import { KleisError } from "../../errors.ts";
import type { CallbackListener, CallbackOptions, CallbackPage, Runtime } from "../../runtime.ts";

export interface AwaitedSignIn {
  provider: string;
  state: string;
}

export interface Callbacks {
  /** True if this machine will receive the browser's return. */
  expect(options: Omit<CallbackOptions, "receive">, signIn: AwaitedSignIn): Promise<boolean>;
  /** The sign-in has ended; the listener closes with the last sign-in of its port. */
  done(state: string): void;
}

interface Port {
  readonly listener: Promise<CallbackListener | null>;
  readonly awaited: Map<string, AwaitedSignIn & { until: number }>;
}

/** `complete` performs a step of the sign-in with the query of the redirect. */
export function createCallbacks(
  { listenForCallback, clock }: Runtime,
  complete: (signIn: AwaitedSignIn, query: string) => Promise<{ status: "pending" | "connected" }>,
): Callbacks {
  const ports = new Map<number, Port>();

  async function receive(port: Port, query: string): Promise<CallbackPage> {
    const signIn = port.awaited.get(new URLSearchParams(query).get("state") ?? "");
    if (signIn === undefined || signIn.until <= clock.now()) {
      return page(400, "No open sign-in", "No open sign-in matches this address. Start again.");
    }
    try {
      const { status } = await complete(signIn, query);
      if (status === "connected")
        return page(200, "Connected", "Kleis has stored the account. You can close this tab.");
      return page(200, "Almost done", "The sign-in is being completed. You can close this tab.");
    } catch (error) {
      if (error instanceof KleisError) return page(400, "Not connected", error.message);
      return page(500, "Not connected", "Kleis failed unexpectedly. The log has the details.");
    }
  }

  return {
    async expect(options, signIn) {
      if (listenForCallback === undefined) return false;
      const { port: number, until } = options;
      const now = clock.now();
      let port = ports.get(number);
      // A listener closes by itself when its last sign-in expires.
      if (port === undefined || ![...port.awaited.values()].some((each) => each.until > now)) {
        const awaited: Port["awaited"] = new Map();
        const opened: Port = {
          awaited,
          listener: listenForCallback({ ...options, receive: (query) => receive(opened, query) }),
        };
        ports.set(number, opened);
        port = opened;
      }
      port.awaited.set(signIn.state, { ...signIn, until });
      const listener = await port.listener.catch(() => null);
      listener?.extend(until);
      if (listener === null && ports.get(number) === port) ports.delete(number);
      return listener !== null;
    },

    done(state) {
      for (const [number, port] of ports) {
        if (!port.awaited.delete(state) || port.awaited.size > 0) continue;
        ports.delete(number);
        void port.listener.then((listener) => listener?.close()).catch(() => {});
      }
    },
  };
}

function page(status: number, title: string, text: string): CallbackPage {
  return { status, title, text };
}
