/** What may stand in a header as a credential or an id. */

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** True for text without white space and without characters that no header carries; false for none. */
export function fitsHeader(text: string): boolean {
  return VISIBLE_ASCII.test(text);
}
