/** How Claude's models stand in the registry that Kleis offers (registry.md §3). */
import type { RegistryOffer } from "../provider.ts";
import type { RegistryModel } from "../registry-model.ts";

export const registry: RegistryOffer = {
  name: "Kleis Claude",
  npm: "@ai-sdk/anthropic",
  shape: withoutModes,
};

/** The fast mode bills extra and needs a beta header that a registry cannot give. */
function withoutModes(model: RegistryModel): RegistryModel {
  const { experimental: _modes, ...rest } = model;
  return rest;
}
