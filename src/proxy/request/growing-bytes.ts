/**
 * Bytes that arrive in pieces, kept in one growing array: a piece may be a single byte, and an array of its own would take
 * a hundred times its size.
 */
const FIRST_BYTES = 16 * 1024;

export class GrowingBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** `expected`: the announced number of bytes; 0 where that is not known. Pages that are never written take no memory. */
  constructor(expected: number) {
    this.#bytes = new Uint8Array(expected || FIRST_BYTES);
  }

  get length(): number {
    return this.#length;
  }

  push(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }

  /** All of them, in an array of their own length. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }
}
