/** How a secret may stand in bytes: for planting it, to show that a search would find it. */

/** Writes a value between two texts, as whoever leaks it might. */
export type Spell = (value: string, before: string, after: string) => string;

const whole = (spell: (text: string) => string): Spell => {
  return (value, before, after) => spell(`${before}${value}${after}`);
};
const inBytes = (encoding: "base64" | "base64url" | "hex") =>
  whole((text) => Buffer.from(text).toString(encoding));

export const SPELLINGS: Readonly<Record<string, Spell>> = {
  "as it is": whole((text) => text),
  "in base64": inBytes("base64"),
  "in base64url": inBytes("base64url"),
  "in hex": inBytes("hex"),
  "in capital hex": whole((text) => Buffer.from(text).toString("hex").toUpperCase()),
  "in an address": whole(encodeURIComponent),
  "in an address with small letters": whole((text) =>
    encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase()),
  ),
  "in a form": whole((text) => new URLSearchParams({ text }).toString()),
  "in JSON": whole((text) => JSON.stringify({ text: `${text}"` })),
  "in JSON inside JSON": whole((text) => JSON.stringify(JSON.stringify({ text }))),
};
