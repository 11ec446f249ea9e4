/**
 * Resolutions as they were found before: they depend on nothing but the catalogue, what the key may reach and the name,
 * so that they hold for as long as these are the same objects. With very many accounts resolving again takes a while.
 */

import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Access } from "./access.ts";
import { type Resolution, type ResolvedModel, type ResolveInput, resolve } from "./resolve.ts";

/** Names remembered for one key's reach: clients use a few, but may send anything. */
const NAMES_MAX = 200;

const remembered = new WeakMap<Catalogue, WeakMap<Access, Map<string, ResolvedModel>>>();

/** As `resolve`. The providers are the ones that the catalogue is asked for everywhere. */
export function resolveMemoized(input: ResolveInput): Resolution {
  const byAccess = remembered.get(input.catalogue) ?? new WeakMap<Access, Map<string, ResolvedModel>>();
  remembered.set(input.catalogue, byAccess);
  const names = byAccess.get(input.access) ?? new Map<string, ResolvedModel>();
  byAccess.set(input.access, names);
  const name = `${input.forced ?? ""} ${input.requested}`;
  const known = names.get(name);
  if (known !== undefined) return known;
  const resolution = resolve(input);
  if (resolution.ok) {
    if (names.size >= NAMES_MAX) names.clear();
    names.set(name, resolution);
  }
  return resolution;
}
