/** JSON as text with every liberty that its grammar allows: what clients may send and what must arrive unharmed. */
import fc from "fast-check";

/** Whitespace where JSON allows it. */
export const space = fc.constantFrom("", "", "", " ", "  ", "\n", "\r\n", "\t", "\n    ");

/** Number literals that no parser gives back as they were. */
export const oddNumber = fc.constantFrom(
  "0",
  "-0",
  "1.0",
  "1.50",
  "1E+2",
  "1e-7",
  "9007199254740993",
  "123456789012345678901234567890",
  "0.1000000000000000055511151231257827",
  "1e400",
);

/** String literals with escapes, surrogates alone and in pairs, and plain characters of all lengths. */
export const oddString = fc
  .array(
    fc.constantFrom(
      "a",
      "mcp_read",
      "name",
      "\\u0041",
      "\\u00e9",
      "\\/",
      "\\\\",
      '\\"',
      "\\n",
      "\\ud800",
      "\\udc00",
      "\\ud83e\\uddf5",
      "🧵",
      "東京",
      "é",
      "\u2028",
      "\ufeff",
      "}",
      "]",
      ",",
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join("")}"`);

/** Names of members: odd ones, and a few that come more than once in one object, in one spelling or another. */
const name = fc.oneof(oddString, fc.constantFrom('"a"', '"\\u0061"', '"name"'));

export const anyJsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    oddString,
    oddNumber,
    fc.constantFrom("true", "false", "null"),
    fc
      .tuple(fc.array(fc.tuple(space, tie("value"), space), { maxLength: 3 }), space)
      .map(([items, inside]) =>
        items.length === 0 ? `[${inside}]` : `[${items.map((item) => item.join("")).join(",")}]`,
      ),
    fc
      .tuple(fc.array(fc.tuple(space, name, space, space, tie("value"), space), { maxLength: 3 }), space)
      .map(([members, inside]) =>
        members.length === 0
          ? `{${inside}}`
          : `{${members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join(",")}}`,
      ),
  ),
})).value;
