/** How Copilot's models stand in the registry that Kleis offers, each with the package of its best endpoint. */
import type { Operation } from "../../protocols/protocol.ts";
import type { RegistryOffer } from "../provider.ts";
import type { RegistryModel } from "../registry-model.ts";
import { PACKAGES } from "./profile.ts";

export const registry: RegistryOffer = {
  name: "Kleis Copilot",
  npm: PACKAGES.otherwise,
  npmOf: ([best]: readonly Operation[]) =>
    best === undefined || best === "count_tokens" ? PACKAGES.otherwise : PACKAGES[best],
  shape: withoutModes,
};

/** The fast mode bills extra, and Copilot has no such switch (registry.md §3). */
function withoutModes(model: RegistryModel): RegistryModel {
  const { experimental: _modes, ...rest } = model;
  return rest;
}
