/** Recognises a secret by its prefix, and rejects one that was given in the wrong field. Never repeats it. */
import { KleisError } from "../errors.ts";
import { hasKeyForm } from "../keys/extract.ts";
import { shapeOf } from "../providers/pasted-credential.ts";
import type { ImportedAccount, Provider } from "../providers/provider.ts";
import type { SecretShape } from "../providers/secret-shape.ts";

export interface Recognised {
  readonly shape: SecretShape;
  readonly provider: Pick<Provider, "id" | "name">;
}

/** The kind of a secret, if it has the prefix of a provider's secrets. */
export function recognise(providers: readonly Provider[], secret: string): Recognised | undefined {
  return shapeOf(
    secret,
    providers.flatMap((provider) =>
      provider.secretShapes.map((shape) => ({
        prefix: shape.prefix,
        kind: shape.kind,
        name: shape.name,
        shape,
        provider,
      })),
    ),
  );
}

/** The API's fields for an account's secrets. */
const FIELDS = [
  ["api_key", "apiKey"],
  ["access_token", "accessToken"],
  ["refresh_token", "refreshToken"],
] as const;

/** Throws `invalid_request` for a secret of another provider, of another kind, or of Kleis's own. */
export function refuseMisplaced(
  providers: readonly Provider[],
  provider: Provider,
  imported: ImportedAccount,
): void {
  for (const [param, member] of FIELDS) {
    const secret = imported[member];
    const words = secret === null ? undefined : misplaced(providers, provider, param, secret);
    if (words !== undefined) throw new KleisError("invalid_request", words, { param });
  }
}

function misplaced(
  providers: readonly Provider[],
  { id, name }: Provider,
  place: "api_key" | "access_token" | "refresh_token",
  secret: string,
): string | undefined {
  if (hasKeyForm(secret)) {
    return "This is a key that Kleis issued, not a credential of a provider: use it in an agent.";
  }
  const known = recognise(providers, secret);
  if (known === undefined) return undefined;
  const { shape, provider } = known;
  if (shape.kind === null) return `This is ${shape.name}: use another one.`;
  if (provider.id !== id)
    return `This is ${shape.name}, not one of ${name}: choose ${provider.name} instead.`;
  if (shape.kind === place) return undefined;
  if (place === "api_key") {
    return `This is ${shape.name}, not an API key: import it as tokens (kind "oauth"), in ${shape.kind}.`;
  }
  return shape.kind === "api_key"
    ? `This is ${shape.name}, not a sign-in token: import it as an API key (kind "api_key").`
    : `This is ${shape.name}: give it as ${shape.kind}.`;
}
