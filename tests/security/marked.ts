/** Looks for marked values in bytes: as they are, and in the encodings in which a secret gets about unnoticed. */

/** The names of the values that were found. */
export function findMarked(bytes: Buffer, marked: ReadonlyMap<string, string>): string[] {
  const lower = Buffer.from(bytes.toString("latin1").toLowerCase(), "latin1");
  return [...marked]
    .filter(([, value]) => {
      const { exact, folded } = spellingsOf(value);
      return exact.some((each) => bytes.includes(each)) || folded.some((each) => lower.includes(each));
    })
    .map(([name]) => name);
}

function spellingsOf(value: string): { exact: string[]; folded: string[] } {
  return {
    exact: [
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      new URLSearchParams({ v: value }).toString().slice(2),
      ...base64Of(value),
    ],
    folded: [Buffer.from(value).toString("hex"), encodeURIComponent(value).toLowerCase()],
  };
}

/** In base64 and base64url, wherever the value begins within a group of three bytes; without what its neighbours touch. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    const text = whole.toString("base64").slice(offset === 0 ? 0 : 4);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
