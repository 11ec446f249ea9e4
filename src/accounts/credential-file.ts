/**
 * Reads an agent's credential file as editors, terminals and keychains hand it over. Repairs only the text's form; the
 * providers interpret the content.
 */
import { isObject, type JsonObject, parseJson } from "../json.ts";
import type { CredentialFile, Provider } from "../providers/provider.ts";

/** OpenCode keeps the logins of every provider in one file. */
const SHARED: CredentialFile = { agent: "OpenCode", path: "~/.local/share/opencode/auth.json" };

/** The files that can be imported. */
export function knownFiles(providers: readonly Provider[]): readonly CredentialFile[] {
  return [SHARED, ...providers.flatMap(({ credentialFiles = [] }) => credentialFiles)];
}

/** The files by name, as part of a sentence; `apostrophe` is the one that the text around it has. */
export function namesOfKnownFiles(providers: readonly Provider[], apostrophe: "'" | "’"): string {
  const names = knownFiles(providers).map(
    ({ agent, path }) => `${agent}${apostrophe}s ${path.slice(path.lastIndexOf("/") + 1)}`,
  );
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** The object in a chosen file (bytes) or a pasted text; null where there is none. */
export function readCredentialFile(source: Uint8Array | string): JsonObject | null {
  const text = (typeof source === "string" ? source : decode(source)).replace(/\ufeff/g, "").trim();
  for (const form of formsOf(text)) {
    const value = parseJson(form);
    if (isObject(value)) return value;
    // A JSON string that holds the file, as `jq -Rs` and debuggers print it.
    const inner = typeof value === "string" ? parseJson(value) : undefined;
    if (isObject(inner)) return inner;
  }
  return null;
}

/** The bytes as text: UTF-16 by its mark or by the zero bytes of its ASCII (RFC 4627 §3), else UTF-8. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0);
  const isLittle = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0);
  return new TextDecoder(isBig ? "utf-16be" : isLittle ? "utf-16le" : "utf-8").decode(bytes);
}

const HEX = /^(?:0x)?(?:[\da-f]{2}\s*)+$/i;
const NO_BREAK = /[\u00a0\u202f\u2007]/g;
const CURLY = /[“”„«»]/g;
const WRAPPED = /[^\S\r\n]*[\r\n\u2028\u2029\u0085]+\s*/g;

/** The text as it came, then with more and more changes of common tools undone. No credential holds white space. */
function* formsOf(text: string): Generator<string> {
  yield text;
  const plain = HEX.test(text) ? fromHex(text) : text;
  // Text around the object, as shells and chats add it.
  const from = plain.indexOf("{");
  const to = plain.lastIndexOf("}");
  const bare = from < 0 || to < from ? plain : plain.slice(from, to + 1);
  yield bare;
  const straight = bare.replace(NO_BREAK, " ").replace(CURLY, '"');
  yield straight;
  // Line breaks inside strings, with indentation, as terminals add them.
  yield straight.replace(WRAPPED, "");
}

/** macOS's `security` prints a secret that holds line breaks in hexadecimal. */
function fromHex(text: string): string {
  const digits = text.replace(/^0x|\s/gi, "");
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return new TextDecoder().decode(bytes);
}
