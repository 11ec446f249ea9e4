/**
 * Registries ready to be sent: upstream's text with our entries spliced in before its last brace, and packed once. What
 * is big is shared between them and never copied; what was worked out is kept for as long as its catalogue is current.
 */
import type { Clock } from "../runtime.ts";
import type { AccountRecord } from "../storage/port.ts";
import { accessOf, type KeyScopes } from "./access.ts";
import { isWithin } from "./age.ts";
import { type Bytes, digestOf, gzip } from "./bytes.ts";
import type { Catalogue } from "./catalogue.ts";
import { type OwnEntriesInput, ownEntries } from "./own-entries.ts";
import type { RegistryText } from "./registry-text.ts";

export interface RegistryBody {
  /** Weak, since it stands for the packed form too (RFC 9110 §8.8.3). */
  readonly etag: string;
  /** Bytes of all parts. */
  readonly length: number;
  readonly parts: readonly Bytes[];
  /** The packed form; null while another one is being packed, which is not worth waiting for. */
  packed(): Promise<Bytes | null>;
}

export interface BodyInput extends Omit<OwnEntriesInput, "access"> {
  readonly accounts: readonly AccountRecord[];
  readonly scopes: KeyScopes;
  /** What ours is spliced into; null for ours alone. */
  readonly upstream: RegistryText | null;
}

export type RegistryBodies = (input: BodyInput) => Promise<RegistryBody>;

/** Combinations of address, accounts and scopes that are kept per catalogue. */
const CAPACITY = 16;
/** A packing that has not ended after this long, ms, is taken for dead. */
const PACKING_MS = 10_000;

/** Our entries as they stand in a registry, and the registries that they stand in. */
interface OwnPart {
  readonly bytes: Bytes;
  readonly digest: string;
  readonly bodies: Map<RegistryText | null, RegistryBody>;
}

const encoder = new TextEncoder();
const OPEN = encoder.encode("{");
const COMMA = encoder.encode(",");
const CLOSE = encoder.encode("}");

export function createRegistryBodies(clock: Clock): RegistryBodies {
  const memory = new WeakMap<Catalogue, Map<string, OwnPart>>();
  let packingSince = Number.NEGATIVE_INFINITY;

  /** One at a time: unpacked is dearer in bytes but costs no computing, whatever addresses are asked under. */
  function packer(parts: readonly Bytes[]): RegistryBody["packed"] {
    let done: Bytes | null = null;
    return async () => {
      if (done !== null || isWithin(clock.now(), packingSince, PACKING_MS)) return done;
      packingSince = clock.now();
      try {
        done = await gzip(parts);
      } finally {
        packingSince = Number.NEGATIVE_INFINITY;
      }
      return done;
    };
  }

  async function ownPart(input: BodyInput): Promise<OwnPart> {
    const ofCatalogue = memory.get(input.catalogue) ?? new Map<string, OwnPart>();
    memory.set(input.catalogue, ofCatalogue);
    const name = nameOf(input);
    const known = ofCatalogue.get(name);
    if (known !== undefined) return known;
    const bytes = encoder.encode(ownEntries({ ...input, access: accessOf(input.accounts, input.scopes) }));
    const part = { bytes, digest: await digestOf(bytes), bodies: new Map() };
    ofCatalogue.set(name, part);
    if (ofCatalogue.size > CAPACITY) ofCatalogue.delete(ofCatalogue.keys().next().value ?? name);
    return part;
  }

  return async (input) => {
    const own = await ownPart(input);
    const known = own.bodies.get(input.upstream);
    if (known !== undefined) return known;
    const parts = partsOf(own.bytes, input.upstream);
    const body = {
      etag: `W/"${input.upstream === null ? "own" : input.upstream.version}-${own.digest}"`,
      length: parts.reduce((sum, part) => sum + part.length, 0),
      parts,
      packed: packer(parts),
    };
    own.bodies.set(input.upstream, body);
    return body;
  };
}

function partsOf(own: Bytes, upstream: RegistryText | null): Bytes[] {
  if (upstream === null) return [OPEN, own, CLOSE];
  const { head, tail } = upstream;
  return own.length === 0 ? [head, tail] : [head, COMMA, own, tail];
}

/** Everything that our entries depend on beside the catalogue. */
function nameOf({ origin, accounts, scopes }: BodyInput): string {
  const { providers, models, accounts: allowed } = scopes;
  return JSON.stringify([
    origin,
    accounts.map(({ id, enabled, status }) => [id, enabled, status]),
    providers,
    models,
    allowed,
  ]);
}
