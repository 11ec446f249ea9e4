/** Kleis in memory with an account of two providers and keys of every kind: what an attacker would find. */
import type { Client } from "@libsql/client";
import type { IssuedKey } from "../../src/keys/issue.ts";
import { type Kleis, type KleisOptions, startKleis } from "../support/kleis.ts";
import { newStorage } from "../support/storage.ts";

export interface SeededKleis extends Kleis {
  /** For looking under the storage. */
  readonly client: Client;
  readonly keys: Record<"live" | "codexOnly" | "revoked" | "expired", IssuedKey>;
  /** Addresses that were called upstream, but for lists of models: those are asked for at no certain time. */
  inference(): string[];
}

/** Claude's is the only one that an API key of these accounts has. */
function isModelList(url: string): boolean {
  return new URL(url).pathname === "/v1/models" && new URL(url).searchParams.get("limit") === "1000";
}

export async function startSeededKleis({
  network,
  ...options
}: Omit<KleisOptions, "storage"> = {}): Promise<SeededKleis> {
  const { storage, client } = await newStorage();
  const kleis = await startKleis({
    ...options,
    storage,
    network: async (url, init) => {
      if (isModelList(url)) return new Response("no list", { status: 404 });
      if (network === undefined) throw new Error("no request leaves this test");
      return await network(url, init);
    },
  });
  for (const provider of ["claude", "codex"]) {
    await kleis.account(provider, {
      id: `acc_${provider}`,
      kind: "api_key",
      externalId: provider,
      apiKey: `planted-api-key-of-${provider}`,
    });
  }
  const now = kleis.clock.now();
  const keys = {
    live: await kleis.key({ label: "live" }),
    codexOnly: await kleis.key({ label: "codex only", providers: ["codex"] }),
    revoked: await kleis.key({ label: "revoked" }),
    expired: await kleis.key({ label: "expired", expiresAt: now - 1 }),
  };
  await storage.keys.revoke(keys.revoked.record.id, now);
  return Object.assign(kleis, {
    client,
    keys,
    inference: () => kleis.sent.map(({ url }) => url).filter((url) => !isModelList(url)),
  });
}
