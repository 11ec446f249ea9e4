/** The environment variables of Toy; their defaults stand in the profile. */
import type * as z from "zod/mini";
import { named, origin } from "../../../src/variable-kinds.ts";
import { API, CLIENT_ID } from "./profile.ts";

export const variables = { TOY_API_URL: origin(API), TOY_CLIENT_ID: named(CLIENT_ID) };

/** Partial, since tests that do not list Toy have none of them. */
type Variables = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };

declare module "../../../src/config.ts" {
  interface Config extends Partial<Variables> {}
}
