/**
 * Reads what an owner pastes after the browser part of a sign-in: the whole address, its query, `code#state`, or a bare
 * code (providers/claude.md §1.4, providers/codex.md §1.3). Nothing is sent before the state was compared.
 */
import { KleisError } from "../errors.ts";

/** The code; or the provider's own refusal, whose `error` is a code and `description` for recognition only. */
export type CallbackInput = { code: string } | { error: string; description: string };

const LONGEST = 8192;
/** RFC 6749 appendix A.11 allows any visible character; these are the ones that codes are made of. */
const CODE = /^[\w.~+/=-]{2,4096}$/;
/** What mail programs and shells put around an address; no code and no address begins or ends with it. */
const AROUND = /^[\s"'“”‘’`<]+|[\s"'“”‘’`>]+$/g;

/** Throws `KleisError("invalid_request")` with what to paste instead; the sign-in goes on. */
export function readCallbackInput(pasted: string, state: string): CallbackInput {
  const text = pasted.length > LONGEST ? "" : pasted.replace(AROUND, "");
  if (text === "") throw refused("Nothing that could be a code was pasted.");
  const found = split(text);
  if (found.state !== undefined && found.state !== state) {
    throw refused("This code belongs to another sign-in (its state differs).");
  }
  if ("error" in found) return { error: found.error, description: found.description };
  if (!CODE.test(found.code)) throw refused("What was pasted is not a code.");
  return { code: found.code };
}

type Found = CallbackInput & { state?: string | undefined };

function split(text: string): Found {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    if (!URL.canParse(text)) throw refused("What was pasted is not a whole address.");
    const url = new URL(text);
    return fromQuery(url.searchParams, fragmentState(url.hash));
  }
  // A query by itself, or behind an address that lost its `http://`.
  const found = /(?:^|\?)((?:[^#?]*&)?(?:code|error)=.*)$/s.exec(text)?.[1];
  if (found !== undefined) {
    const [query = "", ...rest] = found.split("#");
    return fromQuery(new URLSearchParams(query), fragmentState(rest.join("#")));
  }
  const at = text.indexOf("#");
  if (at < 0) return { code: text };
  return { code: text.slice(0, at), state: text.slice(at + 1) };
}

function fromQuery(query: URLSearchParams, fragment: string | undefined): Found {
  if (query.has("code_challenge") || query.has("response_type")) {
    throw refused("This is the address to open, not the one that the browser ends at.");
  }
  if (["code", "state", "error"].some((name) => query.getAll(name).length > 1)) {
    throw refused("What was pasted holds the same field twice.");
  }
  const state = query.get("state") ?? fragment;
  const error = query.get("error");
  if (error) return { error, description: query.get("error_description") ?? "", state };
  const code = query.get("code");
  if (!code) throw refused("The pasted address holds no code.");
  return { code, state };
}

/** A callback page may show its `code#state` in the address as well. */
function fragmentState(hash: string): string | undefined {
  const value = hash.replace(/^#/, "");
  return value === "" || /[=&]/.test(value) ? undefined : value;
}

function refused(what: string): KleisError {
  return new KleisError(
    "invalid_request",
    `${what} Finish the sign-in in the browser, then paste the whole address it ends at, or the code it shows.`,
    { param: "code" },
  );
}
