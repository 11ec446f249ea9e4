/** The code that a runtime gives to an error, such as `ENOTFOUND`. It names a kind of failure and holds no secret. */

/** The first code in the chain of causes, for example `SQLITE_BUSY` or `ECONNREFUSED`. */
export function errorCodeOf(error: unknown): string | undefined {
  for (const link of causes(error)) {
    const code: unknown = Reflect.get(link, "code");
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code;
  }
  return undefined;
}

/** The error and its causes; bounded, for a chain may be a ring. */
export function* causes(error: unknown): Generator<object> {
  let link = error;
  for (let depth = 0; depth < 8 && typeof link === "object" && link !== null; depth++) {
    yield link;
    link = Reflect.get(link, "cause");
  }
}
