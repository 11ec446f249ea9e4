import { request as httpRequest } from "node:http";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import { type Dict, objectOf, stringOf } from "../../fakes/inspect.ts";
import type { Case } from "../case.ts";
import type { World } from "../world.ts";

const area = "registry";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly bytes: Buffer;
}

/** As it comes over the wire: `fetch` unpacks. */
function get({ url }: World, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url + path, { headers });
    sent.on("error", reject);
    sent.on("response", async (answer) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(parts) });
    });
    sent.end();
  });
}

function parsed({ status, headers, bytes }: Answer): Dict {
  expect(status).toBe(200);
  const text = headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes;
  return objectOf(JSON.parse(text.toString())) ?? {};
}

/** Waits for every list of models that is being asked for: until the next one is due, the registry stays as it is. */
async function listsAreKnown(world: World): Promise<void> {
  const { status } = await world.admin("POST", "/admin/models/refresh");
  expect(status).toBe(200);
}

const GZIP = { "accept-encoding": "gzip" };

export const cases: Case[] = [
  {
    area,
    name: "shows OpenCode all models without a key, ours among them",
    async run(world) {
      await listsAreKnown(world);
      const all = parsed(await get(world, "/models/api.json", GZIP));
      const own = parsed(await get(world, "/models/own/api.json"));
      expect(Object.keys(own).length).toBeGreaterThan(0);
      expect(Object.keys(all)).toEqual(expect.arrayContaining([...Object.keys(own), "anthropic"]));
      expect(JSON.stringify(own)).toContain(world.url);
      expect(parsed(await get(world, "/models//api.json", GZIP))).toEqual(all);
    },
  },
  {
    area,
    name: "shows behind a discovery token what its key can use",
    async run(world) {
      const issued = await world.admin("POST", "/admin/keys", { providers: ["claude"] });
      const token = stringOf(issued.body.discovery_token);
      const scoped = JSON.stringify(parsed(await get(world, `/models/${token}/api.json`)));
      const open = JSON.stringify(parsed(await get(world, "/models/api.json", GZIP)));
      expect(scoped).not.toBe(open);
      await world.admin("POST", `/admin/keys/${stringOf(issued.body.id)}/revoke`);
      const revoked = await get(world, `/models/${token}/api.json`);
      const unknown = await get(world, `/models/${"x".repeat(43)}/api.json`);
      expect(revoked.status).toBe(404);
      expect(revoked.bytes.toString()).toBe(unknown.bytes.toString());
    },
  },
  {
    area,
    name: "sends the whole registry packed, ours alone to who does not unpack, and not again to who has it",
    async run(world) {
      await listsAreKnown(world);
      const plain = await get(world, "/models/api.json", { "accept-encoding": "identity" });
      expect(plain.headers["content-encoding"]).toBe(undefined);
      expect(parsed(plain)).toEqual(parsed(await get(world, "/models/own/api.json")));
      const packed = await get(world, "/models/api.json", GZIP);
      expect(packed.headers["content-encoding"]).toBe("gzip");
      expect(parsed(packed)).toMatchObject(parsed(plain));
      const etag = String(plain.headers.etag);
      const known = await get(world, "/models/api.json", { "if-none-match": etag });
      expect(known.status).toBe(304);
      expect(known.bytes.length).toBe(0);
    },
  },
];
