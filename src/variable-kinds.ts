/** Kinds of environment variables: how each is decoded, and what is reported where its value cannot be used. */
import * as z from "zod/mini";
import { isLoopback, publicHostOf } from "./host-name.ts";
import { flawOf, isSendable, plainValue } from "./variables.ts";
import "./zod-locale.ts";

/** What every variable begins with: its plain form, refused where that cannot be what was meant. */
export const plain = z.string().check(
  z.overwrite(plainValue),
  z.check<string>(({ value, issues }) => {
    const message = flawOf(value);
    if (message !== null) issues.push({ code: "custom", message, input: value });
  }),
);

export const origin = (fallback: string, read: (value: string) => string = withoutSpareSlashes) =>
  z._default(
    z
      .pipe(
        plain,
        z.transform((value) => read(value === "" ? fallback : value)),
      )
      .check(
        z.refine(
          isUpstreamUrl,
          "must be an https:// address (http:// only on loopback), without user info, query or fragment",
        ),
      ),
    fallback,
  );

export const optional = (isFine: (value: string) => boolean, refusal: string) =>
  z._default(
    z
      .pipe(plain, z.transform(withoutSpareSlashes))
      .check(z.refine((value) => value === "" || isFine(value), refusal)),
    "",
  );

export const optionalOrigin = optional(
  isUpstreamUrl,
  "must be empty or an https:// address (http:// only on loopback)",
);

/** An identifier that is sent to a provider. */
export const named = (fallback: string) =>
  z._default(
    z.pipe(
      plain.check(z.refine(isSendable, "must be plain ASCII without blanks")),
      z.transform((value) => value || fallback),
    ),
    fallback,
  );

/** A number, written as `pattern` allows; unset or empty means the default. */
export const number = (pattern: RegExp, fallback: number, refusal: string) =>
  z._default(
    z.pipe(
      plain.check(z.regex(pattern, refusal)),
      z.transform((value) => (value === "" ? fallback : Number(value))),
    ),
    fallback,
  );

/** One of some words, in whatever case; unset or empty means the default. */
export const word = <Word extends string>(words: readonly Word[], fallback: Word) =>
  z._default(
    z.pipe(
      z.pipe(
        plain,
        z.transform((value) => value.toLowerCase() || fallback),
      ),
      z.enum(words),
    ),
    fallback,
  );

/** A duration in ms. */
export const milliseconds = (fallback: number) =>
  number(/^([1-9]\d{0,8})?$/, fallback, "must be a whole number of milliseconds from 1 to 999999999");

/** A number of things that are allowed at once. */
export const count = (fallback: number) =>
  number(/^([1-9]\d{0,5})?$/, fallback, "must be a whole number from 1 to 999999");

/** An amount of memory in bytes; the default in MiB. */
export const bytes = (fallback: number) =>
  number(/^([1-9]\d{6,11})?$/, fallback * 1024 * 1024, "must be a whole number of bytes, 1000000 or more");

export const partsOf = (value: string) => value.split(",").map((part) => part.trim());

/** Names of public hosts, in lower case. */
export const hosts = z._default(
  z.pipe(
    plain.check(
      z.refine(
        (value) => value === "" || partsOf(value).every((part) => part === "" || publicHostOf(part) !== null),
        "must be public host names such as git.company.com, separated by commas, without wildcard, port and path",
      ),
    ),
    z.transform((value) => partsOf(value).flatMap((part) => publicHostOf(part) ?? [])),
  ),
  [],
);

/** As the URL parser writes it (ASCII, lower-case host), without a slash at the end and without empty segments. */
function withoutSpareSlashes(value: string): string {
  const url = isPlainUrl(value) ? new URL(value).href : value;
  return url.replace(/(?<!^https?:)\/{2,}/gi, "/").replace(/\/$/, "");
}

/** The address under which `/v1` stands: vendors' SDKs are configured with it or without. */
export function withoutVersion(url: string): string {
  return withoutSpareSlashes(url).replace(/(\/v1)+$/, "");
}

function isUpstreamUrl(value: string): boolean {
  if (!isPlainUrl(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === "https:" || isLoopback(hostname);
}

/** Over HTTP, to a port that can be connected to, and nothing in it but an address. */
export function isPlainUrl(value: string): boolean {
  if (!/^https?:\/\/[^\s\\?#]+$/i.test(value) || !URL.canParse(value)) return false;
  const { username, password, port } = new URL(value);
  return username === "" && password === "" && port !== "0";
}
