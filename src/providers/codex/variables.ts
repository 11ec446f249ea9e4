/** The environment variables of Codex; their defaults stand in the profile. */
import * as z from "zod/mini";
import { named, origin, plain, withoutVersion } from "../../variable-kinds.ts";
import { DEFAULTS } from "./profile.ts";

export const variables = {
  /** Undefined: the version in the profile, or a newer one that Codex clients name. */
  CODEX_CLIENT_VERSION: z.optional(
    z.pipe(
      plain.check(z.regex(/^(\d{1,4}\.\d{1,4}\.\d{1,4})?$/, "must be a version such as 0.169.0")),
      z.transform((value) => value || undefined),
    ),
  ),
  CODEX_API_URL: origin(DEFAULTS.CODEX_API_URL),
  CODEX_AUTH_URL: origin(DEFAULTS.CODEX_AUTH_URL),
  CODEX_CLIENT_ID: named(DEFAULTS.CODEX_CLIENT_ID),
  OPENAI_API_URL: origin(DEFAULTS.OPENAI_API_URL, withoutVersion),
};

type Variables = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };

declare module "../../config.ts" {
  interface Config extends Variables {}
}
