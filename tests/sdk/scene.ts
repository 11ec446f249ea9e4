/**
 * The stage of the SDK tests: one Node door over the strict fakes for a whole file, an account of every kind with a key
 * that reaches only it, and the wire on both sides of Kleis. Knows no SDK.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import type { Fakes, RecordedRequest } from "../fakes/index.ts";
import { type Dict, objectOf } from "../fakes/inspect.ts";
import { type AccountImport, type AccountName, importsOf } from "../support/accounts.ts";
import { type Door, openDoor } from "../support/door.ts";

export interface Account {
  readonly id: string;
  /** The token or key that the provider knows. */
  readonly secret: string;
  /** A Kleis key that may use this account only. */
  readonly key: string;
}

/** What a fake recorded, without what belongs to the connection. */
export interface UpstreamRequest {
  readonly path: string;
  readonly query: string;
  readonly headers: Record<string, string>;
  readonly body: Dict;
  readonly bytes: Buffer;
}

export interface Scene {
  readonly url: string;
  readonly fakes: Fakes;
  /** A key that may use everything. */
  readonly key: string;
  /** Uses every account again, whatever limit was played. */
  uncool(): Promise<void>;
  account(name: AccountName): Account;
  /** Everything the providers were asked in this test, in the order of `claude`, `codex`, `copilot`. */
  upstream(): UpstreamRequest[];
  /** The one request that the providers were asked in this test. */
  only(): UpstreamRequest;
  /** What a client of an account is set up with, at the address under which its provider is forced. */
  settings(name: AccountName, options?: ClientSettings): Settings;
}

export interface Settings {
  /** Kleis's address with the forced prefix, without `/v1`. */
  readonly root: string;
  readonly wire: Wire;
  readonly common: { apiKey: string; maxRetries: number; fetch: typeof fetch };
}

export interface ClientSettings {
  key?: string;
  /** Instead of the forced address; `""` lets the model decide. */
  prefix?: string;
  /** 0 where it is not named. */
  maxRetries?: number;
}

/** The path before `/v1` that forces an account's provider. */
export const PREFIX: Record<AccountName, string> = {
  claude: "/claude",
  claudeKey: "/claude",
  codex: "/codex",
  openaiKey: "/codex",
  copilot: "/copilot",
};

/** Both forms in which an SDK is asked for an answer. */
export const FORMS = [
  { form: "at once", streams: false },
  { form: "as a stream", streams: true },
];

/** A red pixel, as base64. */
export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** Kleis's own name, which is the only one the providers may see. */
export const OWN_AGENT: string = expect.stringMatching(/^kleis\/\d/);

/** Registers the hooks; a test ends with the checks that no provider blamed Kleis and that its whole script was played. */
export function openScene(): Scene {
  let door: Door;
  let accounts: Record<AccountName, Account>;
  let key: string;

  beforeAll(async () => {
    door = await openDoor();
    accounts = await connect(door);
    key = await door.key();
  });
  beforeEach(() => {
    for (const fake of fakesOf(door.fakes)) fake.requests.length = 0;
  });
  afterEach(async () => {
    await door.uncool();
    const blamed = door.fakes.violations();
    const unplayed = fakesOf(door.fakes).map((fake) => fake.clear());
    for (const fake of fakesOf(door.fakes)) fake.violations.length = 0;
    expect(blamed).toEqual([]);
    expect(unplayed).toEqual([0, 0, 0]);
  });
  afterAll(() => door.close());

  const upstream = () => fakesOf(door.fakes).flatMap((fake) => fake.requests.map(seen));
  return {
    get url() {
      return door.url;
    },
    get fakes() {
      return door.fakes;
    },
    get key() {
      return key;
    },
    account: (name) => accounts[name],
    uncool: () => door.uncool(),
    upstream,
    only() {
      const requests = upstream();
      expect(requests).toHaveLength(1);
      return requests[0]!;
    },
    settings(name, options = {}) {
      const wire = new Wire();
      return {
        wire,
        root: door.url + (options.prefix ?? PREFIX[name]),
        common: {
          apiKey: options.key ?? accounts[name].key,
          maxRetries: options.maxRetries ?? 0,
          fetch: wire.fetch,
        },
      };
    },
  };
}

function fakesOf({ claude, codex, copilot }: Fakes) {
  return [claude, codex, copilot];
}

const CONNECTION = ["host", "connection", "content-length"];

function seen({ path, query, headers, json, body }: RecordedRequest): UpstreamRequest {
  return {
    path,
    query: query.toString(),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !CONNECTION.includes(name))),
    body: objectOf(json) ?? {},
    bytes: body,
  };
}

async function connect(door: Door): Promise<Record<AccountName, Account>> {
  const connected = async (account: AccountImport): Promise<Account> => {
    const id = await door.account(account);
    const secret = account.access_token ?? account.api_key ?? "";
    return { id, secret, key: await door.key({ accounts: [id] }) };
  };
  const imports = importsOf(door.fakes);
  return {
    claude: await connected(imports.claude),
    codex: await connected(imports.codex),
    copilot: await connected(imports.copilot),
    claudeKey: await connected(imports.claudeKey),
    openaiKey: await connected(imports.openaiKey),
  };
}

/** One request of an SDK and the head of Kleis's answer to it. */
export interface Exchange {
  readonly url: string;
  readonly bytes: Buffer;
  readonly body: Dict;
  readonly status: number;
  readonly headers: Headers;
}

/** The client's side: what the SDK really sent, and what it got. */
export class Wire {
  readonly exchanges: Exchange[] = [];

  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const bytes = bytesOf(init?.body);
    const response = await fetch(input, init);
    this.exchanges.push({
      url: String(input instanceof Request ? input.url : input),
      bytes,
      body: bytes.length === 0 ? {} : (objectOf(JSON.parse(bytes.toString())) ?? {}),
      status: response.status,
      headers: response.headers,
    });
    return response;
  };

  last(): Exchange {
    const exchange = this.exchanges.at(-1);
    if (exchange === undefined) throw new Error("the SDK has sent nothing");
    return exchange;
  }

  /** The `x-kleis-changes` of the last answer. */
  changes(): string[] {
    return this.last().headers.get("x-kleis-changes")?.split(",") ?? [];
  }
}

function bytesOf(body: RequestInit["body"]): Buffer {
  if (body === null || body === undefined) return Buffer.alloc(0);
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  throw new Error("an SDK sent a body that is neither text nor bytes");
}

/** What the promise rejected with; fails when it did not. */
export async function refusalOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}

/** A header of the answer that an SDK's error came with. */
export function headerOf(error: unknown, name: string): string | null {
  const headers = typeof error === "object" && error !== null && "headers" in error ? error.headers : null;
  return headers instanceof Headers ? headers.get(name) : null;
}

/** Reads a stream to its end. */
export async function all<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

export type { Dict };
