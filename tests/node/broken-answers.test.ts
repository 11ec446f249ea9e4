/** What the Node door says of answers that break off: the log's own lines, and nothing that would go past the log. */
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fakes, startFakes } from "../fakes/index.ts";
import { wire } from "../http/wire.ts";
import { type Bundle, bundle, endAll, newFolder, run } from "./process.ts";
import { until } from "./upstream.ts";

const TOKEN = "broken-tests-0c8e5b9a7d31f264";

let server: Bundle;
let fakes: Fakes;

beforeAll(async () => {
  server = bundle();
  fakes = await startFakes();
});
afterAll(async () => {
  await endAll();
  server?.remove();
  await fakes?.close();
});

const json = { "content-type": "application/json" };

/** Begins an answer of 500 bytes and breaks the connection as soon as the beginning is on its way. */
const cut = (status: number) => (response: ServerResponse) => {
  response.writeHead(status, { ...json, "content-length": "500" });
  response.write('{"a":1', () => response.destroy());
};
const packed = (bytes: Buffer) => (response: ServerResponse) => {
  response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(bytes);
};
const whole = gzipSync('{"a":1}');

const BROKEN = [
  ["an answer that is cut", cut(200)],
  ["gzip with bytes behind its end", packed(Buffer.concat([whole, Buffer.alloc(8)]))],
  ["gzip that is none", packed(Buffer.concat([whole.subarray(0, 12), Buffer.alloc(50, 255)]))],
] as const;

test("an answer that breaks off breaks for the client, and every line about it is the log's own", async () => {
  const kleis = run(server.path, {
    ...fakes.env,
    ADMIN_TOKEN: TOKEN,
    KLEIS_DATA_DIR: newFolder(),
    LOG_LEVEL: "info",
  });
  const url = await kleis.url;
  const admin = { authorization: `Bearer ${TOKEN}`, ...json };
  const account = { provider: "claude", kind: "api_key", api_key: fakes.claude.issueApiKey() };
  await wire(`${url}/admin/accounts/import`, { headers: admin, body: account });
  const { key } = (await wire(`${url}/admin/keys`, { headers: admin, body: {} })).json as { key: string };

  const lines = () => kleis.output().split("\n").slice(0, -1);
  const ends = () => lines().filter((line) => line.includes('"route":"/v1/messages"'));
  for (const [at, [name, raw]] of BROKEN.entries()) {
    fakes.claude.script({ raw });
    const answer = fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key },
      body: JSON.stringify({
        model: "claude-sonnet-5",
        max_tokens: 9,
        messages: [{ role: "user", content: "Hello" }],
      }),
    });
    await expect(
      answer.then((response) => response.text()),
      name,
    ).rejects.toThrow();
    await until(`${name} is in the log`, () => ends().length > at, 10_000);
    expect(JSON.parse(ends()[at] ?? ""), name).toMatchObject({ outcome: "incomplete" });
  }

  // Of an error the status is there, however its body ends.
  fakes.claude.script({ raw: cut(500) });
  const body = { model: "claude-sonnet-5", max_tokens: 9, messages: [{ role: "user", content: "Hello" }] };
  const refused = await wire(`${url}/v1/messages`, { headers: { "x-api-key": key }, body });
  expect([refused.status, refused.json]).toMatchObject([500, { type: "error" }]);
  await until("the error is in the log", () => ends().length > BROKEN.length, 10_000);
  expect(JSON.parse(ends().at(-1) ?? "")).toMatchObject({ status: 500, outcome: "provider_error" });

  kleis.signal("SIGTERM");
  await kleis.exit;
  const notTheLog = lines().filter((line) => !line.startsWith("{"));
  expect(notTheLog.filter((line) => !/^( {2}|$|Kleis is )/.test(line))).toEqual([]);
  for (const line of lines().filter((said) => said.startsWith("{"))) JSON.parse(line);
});
