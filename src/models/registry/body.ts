/**
 * Registries ready to be sent: upstream's text with our entries spliced in before its last brace, and packed once. What
 * is big is shared between them and never copied; what was worked out is kept for as long as its catalogue is current.
 * Our entries are worked out without the address that they lead to: a new one costs no more than putting it in.
 */
import type { Bytes } from "../../bytes.ts";
import type { Clock } from "../../runtime.ts";
import type { AccountRecord } from "../../storage/port.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { pollUntil } from "../poll-until.ts";
import { accessOf, type KeyScopes } from "../resolve/access.ts";
import { isWithin } from "../time.ts";
import { digestOf, gzip } from "./bytes.ts";
import { type KleisEntriesInput, kleisEntries } from "./kleis-entries.ts";
import type { RegistryText } from "./splice.ts";

export interface RegistryBody {
  /** Weak, since it stands for the packed form too (RFC 9110 §8.8.3). */
  readonly etag: string;
  /** Bytes of all parts. */
  readonly length: number;
  readonly parts: readonly Bytes[];
  /** The packed form; made once, however many ask for it. */
  packed(): Promise<Bytes>;
}

export interface BodyInput extends Omit<KleisEntriesInput, "access"> {
  readonly accounts: readonly AccountRecord[];
  readonly scopes: KeyScopes;
  /** What ours is spliced into; null for ours alone. */
  readonly upstream: RegistryText | null;
  /** False for an address that anybody may have made up: nothing is kept for it. */
  readonly isKept: boolean;
}

export type RegistryBodies = (input: BodyInput) => Promise<RegistryBody>;

/** Combinations of accounts and scopes that are kept per catalogue, and addresses per combination. */
const CAPACITY = 16;
/** Compression that has not ended after this long, ms, is presumed dead. */
const PACKING_MS = 10_000;

/** Stands for the address; `.invalid` leads nowhere (RFC 2606 §2). */
const ORIGIN = "https://origin.kleis.invalid";

/** Our entries without their address, and the registries that they stand in, by address. */
interface KleisPart {
  /** The text around each mention of the address. */
  readonly pieces: readonly string[];
  readonly bodies: Map<string, Map<RegistryText | null, RegistryBody>>;
}

const encoder = new TextEncoder();
const OPEN = encoder.encode("{");
const COMMA = encoder.encode(",");
const CLOSE = encoder.encode("}");

export function createRegistryBodies(clock: Clock): RegistryBodies {
  const memory = new WeakMap<Catalogue, Map<string, KleisPart>>();

  /** Requests must not await each other's promises on Workers, so concurrent callers poll for the result. */
  function packer(parts: readonly Bytes[]): RegistryBody["packed"] {
    let done: Bytes | null = null;
    let since = Number.NEGATIVE_INFINITY;
    return async () => {
      if (done === null && isWithin(clock.now(), since, PACKING_MS))
        await pollUntil(clock, () => done !== null, PACKING_MS);
      if (done !== null) return done;
      since = clock.now();
      done = await gzip(parts);
      return done;
    };
  }

  function kleisPart(input: BodyInput): KleisPart {
    const ofCatalogue = memory.get(input.catalogue) ?? new Map<string, KleisPart>();
    memory.set(input.catalogue, ofCatalogue);
    const name = nameOf(input);
    const known = ofCatalogue.get(name);
    if (known !== undefined) return known;
    const access = accessOf(input.accounts, input.scopes);
    const part = {
      pieces: kleisEntries({ ...input, access, origin: ORIGIN }).split(ORIGIN),
      bodies: new Map(),
    };
    keep(ofCatalogue, name, part);
    return part;
  }

  async function bodyOf(pieces: readonly string[], { origin, upstream }: BodyInput): Promise<RegistryBody> {
    const own = encoder.encode(pieces.join(JSON.stringify(origin).slice(1, -1)));
    const parts = partsOf(own, upstream);
    return {
      etag: `W/"${upstream === null ? "own" : upstream.version}-${await digestOf(own)}"`,
      length: parts.reduce((sum, part) => sum + part.length, 0),
      parts,
      packed: packer(parts),
    };
  }

  return async (input) => {
    const { pieces, bodies } = kleisPart(input);
    if (!input.isKept) return bodyOf(pieces, input);
    const atOrigin = bodies.get(input.origin) ?? new Map<RegistryText | null, RegistryBody>();
    keep(bodies, input.origin, atOrigin);
    const body = atOrigin.get(input.upstream) ?? (await bodyOf(pieces, input));
    atOrigin.set(input.upstream, body);
    return body;
  };
}

/** Remembers it, and forgets the oldest where there are too many. */
function keep<Kept>(memory: Map<string, Kept>, name: string, kept: Kept): void {
  memory.set(name, kept);
  if (memory.size > CAPACITY) memory.delete(memory.keys().next().value ?? name);
}

function partsOf(own: Bytes, upstream: RegistryText | null): Bytes[] {
  if (upstream === null) return [OPEN, own, CLOSE];
  const { head, tail } = upstream;
  return own.length === 0 ? [head, tail] : [head, COMMA, own, tail];
}

/** Everything that our entries depend on beside the catalogue and their address. */
function nameOf({ accounts, scopes }: BodyInput): string {
  const { providers, models, accounts: allowed } = scopes;
  return JSON.stringify([
    accounts.map(({ id, enabled, status }) => [id, enabled, status]),
    providers,
    models,
    allowed,
  ]);
}
