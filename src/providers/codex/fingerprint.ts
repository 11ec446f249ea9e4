/** SHA-256 of texts and the signs between them. Long texts count by their length and beginning, so that the cost is bounded. */
import { sha256 } from "../../bytes.ts";

/** Characters that count, over all texts. */
const ROOM = 256 * 1024;
/** What a text takes of that beside its characters: a list of very many is cut as well. */
const EACH = 16;

export class Fingerprint {
  #room = ROOM;
  readonly #parts: string[] = [];

  /** True when nothing that is added counts any more. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  add(text: string): void {
    if (this.isFull) return;
    const counted = text.slice(0, this.#room);
    this.#room -= counted.length + EACH;
    // With its lengths in front no text can be taken for another text, or for a sign.
    this.#parts.push(`${text.length}:${counted.length}:`, counted);
  }

  /** A sign that begins with no digit. */
  sign(sign: string): void {
    if (this.isFull) return;
    this.#room -= EACH;
    this.#parts.push(sign);
  }

  /** 32 bytes. */
  digest(): Promise<Uint8Array> {
    return sha256(this.#parts.join(""));
  }
}
