/**
 * Encryption at rest: AES-256-GCM through Web Crypto, with a ring of keys. A sealed text opens only in the place
 * (table, row, column and, where what stands there changes, version) for which it was made. Knows nothing of databases.
 */
import { fromBase64, sha256, toBase64Url } from "../bytes.ts";

/** Where a sealed text is kept; part of what is authenticated. */
export interface Place {
  table: string;
  column: string;
  row: string;
  /**
   * Which of the values that stand here one after the other; the row says which one it is now, so that an earlier one
   * that is put back does not open. Absent where a value is written once.
   */
  version?: number;
}

export interface Sealer {
  /** `v1.<key id>.<iv>.<ciphertext and tag>`, each part base64url; made with the first key of the ring. */
  seal(plain: string, place: Place): Promise<string>;
  /** Any key of the ring opens. Rejects with `SealError`. */
  open(sealed: string, place: Place): Promise<string>;
  /** Whether the text names the key that writes. Says nothing of whether it opens. */
  isCurrent(sealed: string): Promise<boolean>;
}

/**
 * `unknown_key`: it names a key that is not in the ring, so that adding the key may help. `damaged`: it is no sealed
 * text, or not the one that was sealed for this place.
 */
export type SealFault = "unknown_key" | "damaged";

/** A sealed text did not open. Names the place, never the text. */
export class SealError extends Error {
  readonly place: Place;
  readonly fault: SealFault;

  constructor(reason: string, place: Place, fault: SealFault = "damaged") {
    super(`${place.table}.${place.column} of row ${showRow(place.row)} ${reason}`);
    this.name = "SealError";
    this.place = place;
    this.fault = fault;
  }
}

interface RingKey {
  id: string;
  key: CryptoKey;
}

const VERSION = "v1";
const KEY_BYTES = 32;
/** The size that GCM is specified for without a further hash (NIST SP 800-38D §5.2.1.1). */
const IV_BYTES = 12;
/** Enough to tell the keys of one ring apart; says nothing about the key. */
const KEY_ID_BYTES = 6;
const SEALED = /^v1\.([\w-]{8})\.([\w-]{16})\.([\w-]{22,})$/;

/**
 * A sealer over a ring of 32-byte keys in base64 or base64url; the first writes, all read.
 * Throws at once when a key has the wrong shape; the message does not repeat it.
 */
export function createSealer(
  keys: readonly string[],
  random: (bytes: number) => Uint8Array<ArrayBuffer>,
): Sealer {
  const raw = keys.map(decodeKey);
  if (raw.length === 0) throw new Error("the key ring is empty: give at least one key");

  // The finished ring is kept, not the promise of it: a Worker may not wait for another request's promise.
  let loaded: RingKey[] | undefined;
  const ring = async () => {
    loaded ??= await Promise.all(raw.map(importKey));
    return loaded;
  };

  return {
    async seal(plain, place) {
      const first = (await ring())[0]!;
      const iv = random(IV_BYTES);
      const sealed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv, additionalData: binding(first.id, place) },
        first.key,
        new TextEncoder().encode(plain),
      );
      return `${VERSION}.${first.id}.${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`;
    },

    async open(sealed, place) {
      const parts = SEALED.exec(sealed);
      const iv = parts && fromBase64Url(parts[2]!);
      const text = parts && fromBase64Url(parts[3]!);
      if (!parts || !iv || !text) throw new SealError("is not a sealed text", place);
      const found = (await ring()).find(({ id }) => id === parts[1]);
      if (!found) {
        const reason = "was sealed with a key that is not in ENCRYPTION_KEY: add that key back";
        throw new SealError(reason, place, "unknown_key");
      }
      try {
        const plain = await crypto.subtle.decrypt(
          { name: "AES-GCM", iv, additionalData: binding(found.id, place) },
          found.key,
          text,
        );
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain);
      } catch {
        throw new SealError("does not open: it was changed, moved or put back", place);
      }
    },

    async isCurrent(sealed) {
      return SEALED.exec(sealed)?.[1] === (await ring())[0]!.id;
    },
  };
}

async function importKey(raw: Uint8Array<ArrayBuffer>): Promise<RingKey> {
  const [digest, key] = await Promise.all([
    sha256(raw),
    crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]),
  ]);
  return { id: toBase64Url(digest.subarray(0, KEY_ID_BYTES)), key };
}

/** A JSON array, so that no two places share an encoding: one without a version is shorter than any with one. */
function binding(keyId: string, { table, row, column, version }: Place): Uint8Array<ArrayBuffer> {
  const parts = [VERSION, keyId, table, row, column, ...(version === undefined ? [] : [version])];
  return new TextEncoder().encode(JSON.stringify(parts));
}

function decodeKey(text: string, index: number): Uint8Array<ArrayBuffer> {
  const plain = text.trim().replace(/=$/, "").replaceAll("+", "-").replaceAll("/", "_");
  const bytes = fromBase64Url(plain);
  if (bytes?.length !== KEY_BYTES) throw new Error(`key ${index + 1} of the ring is not 32 bytes in base64`);
  return bytes;
}

/** Long rows are themselves tokens (a sign-in's state), so only their beginning is shown. */
function showRow(row: string): string {
  return row.length <= 36 ? row : `${row.slice(0, 8)}…`;
}

/** Undefined unless the text is the one canonical encoding of its bytes: no two texts open alike. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const bytes = fromBase64(text);
  return toBase64Url(bytes) === text ? bytes : undefined;
}
