/** The environment variables of Claude; their defaults stand in the profile. */
import * as z from "zod/mini";
import { named, origin, plain, withoutVersion } from "../../variable-kinds.ts";
import { PROFILE } from "./profile.ts";

const { defaults } = PROFILE;

export const variables = {
  CLAUDE_API_URL: origin(defaults.CLAUDE_API_URL, withoutVersion),
  CLAUDE_AUTHORIZE_URL: origin(defaults.CLAUDE_AUTHORIZE_URL),
  CLAUDE_CONSOLE_AUTHORIZE_URL: origin(defaults.CLAUDE_CONSOLE_AUTHORIZE_URL),
  CLAUDE_TOKEN_URL: origin(defaults.CLAUDE_TOKEN_URL),
  /** Undefined: the name in the profile; empty: Kleis's own. */
  CLAUDE_USER_AGENT: z.optional(plain.check(z.regex(/^[\x20-\x7e]*$/, "must be plain ASCII"))),
  CLAUDE_CLIENT_ID: named(defaults.CLAUDE_CLIENT_ID),
};

type Variables = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };

declare module "../../config.ts" {
  interface Config extends Variables {}
}
