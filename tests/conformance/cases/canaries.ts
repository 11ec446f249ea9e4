/** What all the other cases have left behind: no secret of theirs in any place where it does not belong. Runs last. */
import { expect } from "vitest";
import { createSearch, type Marks } from "../../security/marked.ts";
import { configuredHosts, foreignHosts, outgoing, strangeHeaders } from "../../security/outgoing.ts";
import { SPELLINGS } from "../../security/spellings.ts";
import type { Case, DoorName } from "../case.ts";
import { OWN_KINDS, secretsOf, shownBy, TOKEN_KINDS } from "../entered.ts";
import type { Exchange } from "../exchange.ts";
import type { Part } from "../stage.ts";
import type { World } from "../world.ts";

const area = "canaries";

/** How many secrets of each kind have entered a door at least by the end of the run. */
const ENTERED: Record<string, number> = {
  "admin token": 1,
  "encryption key": 2,
  "issued key": 15,
  "discovery token": 15,
  session: 5,
  "credential of a client": 3,
  "access token": 15,
  "refresh token": 12,
  "id token": 4,
  "provider's API key": 2,
  "authorization code": 2,
  "PKCE verifier": 3,
  "device code": 2,
};

const hasServer = (door: DoorName) => door !== "node";

/** An answer without the secrets that it may show. */
function answerPart(exchange: Exchange): Part[] {
  const { method, path, answer } = exchange;
  if (answer === null) return [];
  const text = `${answer.head}\n\n${answer.body.toString("latin1")}`;
  const rest = shownBy(exchange).reduce((left, [, shown]) => left.replace(String(shown), ""), text);
  return [{ where: `the answer to ${method} ${path}`, bytes: Buffer.from(rest, "latin1") }];
}

/** Every place that is searched. */
function placesOf({ stage, log }: World, exchanges: readonly Exchange[]): Record<string, Part[]> {
  return {
    answers: exchanges.flatMap(answerPart),
    log: [{ where: "the log", bytes: Buffer.from(log()) }],
    databaseLog: [{ where: "the log of the database", bytes: Buffer.from(stage.databaseLog()) }],
    database: stage.database().map(({ where, bytes }) => ({ where: `the database's ${where}`, bytes })),
  };
}

function lookBack(world: World): { marks: Marks; places: Record<string, Part[]> } {
  const exchanges = world.exchanges();
  return { marks: secretsOf(world, exchanges), places: placesOf(world, exchanges) };
}

export const cases: Case[] = [
  {
    area,
    name: "no secret is in an answer but those that show a key, in a log or in the database",
    async run(world) {
      const { marks, places } = lookBack(world);
      for (const [kind, least] of Object.entries(ENTERED)) {
        expect(marks.count(kind), `${kind}: entered`).toBeGreaterThanOrEqual(least);
      }
      expect(marks.count("database token")).toBe(hasServer(world.door) ? 1 : 0);
      const search = createSearch(marks.values);
      const found = Object.values(places)
        .flat()
        .flatMap(({ where, bytes }) => search(bytes).map((name) => `${name} is in ${where}`));
      expect([...new Set(found)]).toEqual([]);
    },
  },
  {
    area,
    name: "had one been there, it would have been found",
    async run(world) {
      const { marks, places } = lookBack(world);
      const { answers = [], log = [], databaseLog = [], database = [] } = places;
      // The places are the right ones: what is no secret stands in each of them.
      const { id } = world.accounts.claude;
      const holding = (parts: readonly Part[], text: string) =>
        parts.filter(({ bytes }) => bytes.includes(text));
      expect(answers.length).toBeGreaterThan(250);
      expect(holding(answers, id).length).toBeGreaterThan(5);
      expect(holding(log, id)).toHaveLength(1);
      expect(holding(database, id).length).toBeGreaterThan(0);
      expect(database.some(({ where }) => where.endsWith("-wal"))).toBe(true);
      expect(databaseLog[0]?.bytes.length ?? 0).toBeGreaterThan(hasServer(world.door) ? 100 : -1);

      const search = createSearch(marks.values);
      const spellings = Object.values(SPELLINGS);
      for (const [name, value] of marks.values) {
        for (const spell of spellings) expect(search(Buffer.from(spell(value, "<", ">")))).toContain(name);
      }
      const secrets = [...marks.values];
      for (const [at, { where, bytes }] of Object.values(places).flat().entries()) {
        const [name = "", value = ""] = secrets[at % secrets.length] ?? [];
        const middle = Math.floor(bytes.length / 2);
        const planted = spellings[at % spellings.length]?.(value, "", "") ?? "";
        const copy = Buffer.concat([bytes.subarray(0, middle), Buffer.from(planted), bytes.subarray(middle)]);
        expect(search(copy), where).toContain(name);
      }
    },
  },
  {
    area,
    name: "nothing goes out but to the configured hosts, with headers that were chosen",
    async run(world) {
      const { fakes, stage, log } = world;
      const connected = [...log().matchAll(/^outgoing (\S+)$/gm)].map(([, host]) => host);
      const database = stage.variables.TURSO_DATABASE_URL;
      const told = [...configuredHosts(fakes), ...(database === undefined ? [] : [new URL(database).host])];
      // All of them: who announces connections has heard of each.
      expect([...new Set(connected)].sort()).toEqual(told.sort());
      expect(outgoing(fakes).length).toBeGreaterThan(100);
      expect(foreignHosts(fakes)).toEqual([]);
      expect(strangeHeaders(fakes)).toEqual([]);
    },
  },
  {
    area,
    name: "no provider hears a key of Kleis's, what a client brought, or another provider's token",
    async run(world) {
      const { marks } = lookBack(world);
      const { claude, codex, copilot } = world.fakes;
      for (const fake of [claude, codex, copilot]) {
        const others = [...marks.values].filter(([name, value]) => {
          const isToken = TOKEN_KINDS.some((kind) => name.startsWith(kind));
          const isOwn = OWN_KINDS.some((kind) => name.startsWith(kind));
          return isOwn || (isToken && fake.tokens.find(value) === undefined);
        });
        expect(others.length).toBeGreaterThan(50);
        const search = createSearch(new Map(others));
        for (const { method, path, query, headers, body } of fake.requests) {
          const head = Buffer.from(`${query}\n${JSON.stringify(headers)}\n`);
          expect(search(Buffer.concat([head, body])), `${method} ${path}`).toEqual([]);
        }
      }
    },
  },
];
