/**
 * Registries ready to be sent: upstream's text with Kleis's entries spliced in before its last brace, compressed once.
 * Large parts are shared between bodies and never copied; results are cached for as long as their catalogue is current.
 * Kleis's entries are built with a placeholder for the base URL, so a new base URL costs only a replacement.
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
  /** Weak, since the compressed form has it too (RFC 9110 §8.8.3). */
  readonly etag: string;
  /** Bytes of all parts. */
  readonly length: number;
  readonly parts: readonly Bytes[];
  /** The gzip form; made once, however many requests want it. */
  packed(): Promise<Bytes>;
}

export interface BodyInput extends Omit<KleisEntriesInput, "access"> {
  readonly accounts: readonly AccountRecord[];
  readonly scopes: KeyScopes;
  /** The text that Kleis's entries are spliced into; null for these entries alone. */
  readonly upstream: RegistryText | null;
  /** False for a base URL taken from an untrusted request: nothing is cached for it. */
  readonly isKept: boolean;
}

export type RegistryBodies = (input: BodyInput) => Promise<RegistryBody>;

/** Maximum combinations of accounts and scopes cached per catalogue, and base URLs per combination. */
const CAPACITY = 16;
/** Compression that has not ended after this long, ms, is presumed dead. */
const PACKING_MS = 10_000;

/** Placeholder for the base URL; `.invalid` never resolves (RFC 2606 §2). */
const ORIGIN = "https://origin.kleis.invalid";

/** Kleis's entries without their base URL, and the registries that contain them, by base URL. */
interface KleisPart {
  /** The text around each occurrence of the base URL. */
  readonly pieces: readonly string[];
  readonly bodies: Map<string, Map<RegistryText | null, RegistryBody>>;
}

const encoder = new TextEncoder();
const OPEN = encoder.encode("{");
const COMMA = encoder.encode(",");
const CLOSE = encoder.encode("}");

export function createRegistryBodies(clock: Clock): RegistryBodies {
  const memory = new WeakMap<Catalogue, Map<string, KleisPart>>();
  return async (input) => {
    const { pieces, bodies } = kleisPart(memory, input);
    if (!input.isKept) return makeBody(clock, pieces, input);
    const atOrigin = bodies.get(input.origin) ?? new Map<RegistryText | null, RegistryBody>();
    keep(bodies, input.origin, atOrigin);
    const body = atOrigin.get(input.upstream) ?? (await makeBody(clock, pieces, input));
    atOrigin.set(input.upstream, body);
    return body;
  };
}

function kleisPart(memory: WeakMap<Catalogue, Map<string, KleisPart>>, input: BodyInput): KleisPart {
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

/** Remembers it, and forgets the oldest entry beyond `CAPACITY`. */
function keep<Kept>(memory: Map<string, Kept>, name: string, kept: Kept): void {
  memory.set(name, kept);
  if (memory.size > CAPACITY) memory.delete(memory.keys().next().value ?? name);
}

async function makeBody(
  clock: Clock,
  pieces: readonly string[],
  { origin, upstream }: BodyInput,
): Promise<RegistryBody> {
  const own = encoder.encode(pieces.join(JSON.stringify(origin).slice(1, -1)));
  const parts = partsOf(own, upstream);
  return {
    etag: `W/"${upstream === null ? "own" : upstream.version}-${await digestOf(own)}"`,
    length: parts.reduce((sum, part) => sum + part.length, 0),
    parts,
    packed: packer(clock, parts),
  };
}

/** Requests must not await each other's promises on Workers, so concurrent callers poll for the result. */
function packer(clock: Clock, parts: readonly Bytes[]): RegistryBody["packed"] {
  let done: Bytes | null = null;
  let since = Number.NEGATIVE_INFINITY;
  return async () => {
    if (done === null && isWithin(clock.now(), since, PACKING_MS)) {
      await pollUntil(clock, () => done !== null, PACKING_MS);
    }
    if (done !== null) return done;
    since = clock.now();
    done = await gzip(parts);
    return done;
  };
}

function partsOf(own: Bytes, upstream: RegistryText | null): Bytes[] {
  if (upstream === null) return [OPEN, own, CLOSE];
  const { head, tail } = upstream;
  return own.length === 0 ? [head, tail] : [head, COMMA, own, tail];
}

/** Cache key: everything that Kleis's entries depend on except the catalogue and the base URL. */
function nameOf({ accounts, scopes }: BodyInput): string {
  const { providers, models, accounts: allowed } = scopes;
  return JSON.stringify([
    accounts.map(({ id, enabled, status }) => [id, enabled, status]),
    providers,
    models,
    allowed,
  ]);
}
