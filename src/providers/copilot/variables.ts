/** The environment variables of GitHub Copilot; their defaults stand in the profile. */
import type * as z from "zod/mini";
import { hosts, named, optionalOrigin, origin } from "../../variable-kinds.ts";
import { DEFAULTS } from "./profile.ts";

export const variables = {
  COPILOT_API_URL: optionalOrigin,
  GITHUB_URL: origin(DEFAULTS.GITHUB_URL),
  GITHUB_API_URL: origin(DEFAULTS.GITHUB_API_URL),
  COPILOT_CLIENT_ID: named(DEFAULTS.COPILOT_CLIENT_ID),
  COPILOT_ENTERPRISE_HOSTS: hosts,
};

type Variables = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };

declare module "../../config.ts" {
  interface Config extends Variables {}
}
