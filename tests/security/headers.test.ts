/** What every answer says of itself, whichever route made it and however it ended. */
import { expect, test } from "vitest";
import { BASE } from "../support/kleis.ts";
import { AUTHORITY } from "./authority.ts";
import { type SeededKleis, startSeededKleis } from "./kleis.ts";

const OTHERS = [
  "/nothing",
  "/v1/messages/batches",
  "/models/api.json",
  "/models/own/api.json",
  "/models/x/api.json",
  "/admin/nothing",
];

/** Every route there is, and what has none, for nobody, for a key and for the owner. */
async function answersOf(kleis: SeededKleis, base: string): Promise<[string, Response][]> {
  const routes = [...AUTHORITY.keys()].map((name) => name.split(" ") as [string, string]);
  const asked = [
    ...routes.map(
      ([method, path]) =>
        [
          method === "ALL" ? "PUT" : method,
          path.replace("*", "claude-sonnet-5").replace(/:\w+/g, "x"),
        ] as const,
    ),
    ...OTHERS.flatMap((path) => [["GET", path] as const, ["POST", path] as const]),
  ];
  const cookie = await kleis.login();
  const ways: Record<string, string>[] = [
    {},
    { authorization: `Bearer ${kleis.keys.live.key}` },
    { cookie, origin: base },
  ];
  const answers: [string, Response][] = [];
  for (const [method, path] of asked) {
    for (const headers of ways) {
      const body = method === "POST" || method === "PUT" ? '{"model":"claude-sonnet-5"}' : null;
      answers.push([
        `${method} ${path} ${Object.keys(headers)[0]}`,
        await kleis.request(base + path, { method, headers, body }),
      ]);
    }
  }
  return answers;
}

test("no answer may be taken for another kind of content, and only encrypted ones ask to stay so", async () => {
  const network = async () => Response.json({ id: "msg_1" });
  for (const [base, env, isEncrypted] of [
    [BASE, {}, false],
    [BASE.replace("http:", "https:"), {}, true],
    [BASE, { PUBLIC_URL: "https://kleis.example" }, true],
  ] as const) {
    const kleis = await startSeededKleis({ network, env });
    for (const [name, answer] of await answersOf(kleis, base)) {
      expect(answer.headers.get("x-content-type-options"), name).toBe("nosniff");
      expect(answer.headers.get("strict-transport-security") !== null, `${name} ${base}`).toBe(isEncrypted);
      await answer.body?.cancel();
    }
  }
});
