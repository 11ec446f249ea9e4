/**
 * Waits, where the runtime can, for browsers that a provider sends back to this machine. One listener serves all
 * sign-ins of its port; the state in the query says which one is meant.
 */
import { KleisError } from "../../errors.ts";
import type { CallbackListener, CallbackOptions, CallbackPage, Runtime } from "../../runtime.ts";

export interface AwaitedSignIn {
  provider: string;
  state: string;
}

export interface Callbacks {
  /** True when the browser's return will be received here. */
  expect(options: Omit<CallbackOptions, "receive">, signIn: AwaitedSignIn): Promise<boolean>;
  /** The sign-in is over; its listener ends with the last of them. */
  done(state: string): void;
}

interface Port {
  readonly listener: Promise<CallbackListener | null>;
  readonly awaited: Map<string, AwaitedSignIn & { until: number }>;
}

/** `complete` takes the sign-in a step further with the query that the browser brought. */
export function createCallbacks(
  { listenForCallback, clock }: Runtime,
  complete: (signIn: AwaitedSignIn, query: string) => Promise<{ status: "pending" | "connected" }>,
): Callbacks {
  const ports = new Map<number, Port>();

  async function receive(port: Port, query: string): Promise<CallbackPage> {
    const signIn = port.awaited.get(new URLSearchParams(query).get("state") ?? "");
    if (signIn === undefined || signIn.until <= clock.now()) {
      return page(
        400,
        "Nothing waits for this",
        "No sign-in that is still open has this address. Start again.",
      );
    }
    try {
      const { status } = await complete(signIn, query);
      if (status === "connected")
        return page(200, "Connected", "Kleis holds the account. You can close this tab.");
      return page(200, "Nearly there", "The sign-in is being completed. You can close this tab.");
    } catch (error) {
      if (error instanceof KleisError) return page(400, "Not connected", error.message);
      return page(500, "Not connected", "Something went wrong inside Kleis. Its log says what.");
    }
  }

  return {
    async expect(options, signIn) {
      if (listenForCallback === undefined) return false;
      const { port: number, until } = options;
      const now = clock.now();
      let port = ports.get(number);
      // With its last sign-in expired, a listener has ended by itself.
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
