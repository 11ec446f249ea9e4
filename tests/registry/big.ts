/** A registry of the size that models.dev has. */
import { rawModel, rawProvider, SAMPLE } from "./world.ts";

/** The sample and so many made-up providers that it is as big as models.dev is: 5 MB, over 8,000 models. */
function bigRegistry(): string {
  const big: Record<string, unknown> = JSON.parse(new TextDecoder().decode(SAMPLE));
  for (let at = 0; at < 160; at++) {
    const models = Array.from({ length: 50 }, (_, of) =>
      rawModel(`family/model-${of}`, { description: "Words that say what it is good for. ".repeat(9) }),
    );
    big[`provider-${at}`] = rawProvider(`provider-${at}`, ...models);
  }
  return JSON.stringify(big);
}

export const BIG = bigRegistry();
