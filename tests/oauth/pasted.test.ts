import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KleisError } from "../../src/errors.ts";
import { readCallbackInput } from "../../src/providers/callback-input.ts";

const word = fc.stringMatching(/^[A-Za-z0-9_-]{8,64}$/);

test("a code comes out of every form as it went in, with its state or without", () => {
  fc.assert(
    fc.property(word, word, (code, state) => {
      const query = new URLSearchParams({ scope: "a b", code, state });
      const forms = [
        code,
        `${code}#${state}`,
        `${query}`,
        `?${query}`,
        `http://localhost:1455/auth/callback?${query}`,
        `https://platform.claude.com/oauth/code/callback?code=${code}#${state}`,
        `https://platform.claude.com/oauth/code/callback?code=${code}`,
      ];
      // A browser's bar may leave the scheme out; mail programs and shells put something around it.
      forms.push(
        `localhost:1455/auth/callback?${query}`,
        `platform.claude.com/oauth/code/callback?code=${code}#${state}`,
      );
      for (const form of forms) {
        for (const pasted of [` ${form}\n`, `"${form}"`, `<${form}>`, `' ${form} '`, `“${form}”`])
          expect(readCallbackInput(pasted, state), pasted).toEqual({ code });
      }
    }),
  );
});

test("whatever is pasted is read or refused in words, and a foreign state never passes", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true, withFragments: true })),
      word,
      (text, state) => {
        try {
          const read = readCallbackInput(text, state);
          if ("code" in read) expect(read.code).toMatch(/^[\w.~+/=-]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(KleisError);
        }
      },
    ),
  );
  fc.assert(
    fc.property(word, word, word, (code, state, other) => {
      fc.pre(state !== other);
      for (const form of [
        `${code}#${other}`,
        `?code=${code}&state=${other}`,
        `?error=access_denied&state=${other}`,
        `localhost:1455/auth/callback?code=${code}&state=${other}`,
        `"http://localhost:1455/auth/callback?code=${code}&state=${other}"`,
      ]) {
        expect(() => readCallbackInput(form, state)).toThrow(/another sign-in/);
      }
    }),
  );
});
