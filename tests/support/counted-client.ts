/** A libSQL client that counts: each call that it passes on is one round trip to a database. */
import type { Client, InStatement, ResultSet } from "@libsql/client";

export interface RoundTrip {
  /** The statements that went with it, in lower case. */
  readonly statements: readonly string[];
  /** Rows that came back, per statement; filled in when they have. */
  readonly rows: number[];
}

export interface CountedClient {
  readonly client: Client;
  /** In the order in which they were begun. */
  readonly trips: RoundTrip[];
  /** While set, a trip for which it answers a promise goes only when that has settled. */
  hold: ((trip: RoundTrip) => Promise<void> | undefined) | undefined;
}

export const isRead = ({ statements }: RoundTrip): boolean =>
  statements.every((sql) => sql.startsWith("select"));

export function countedClient(client: Client): CountedClient {
  const counted: CountedClient = { client: watched(), trips: [], hold: undefined };

  async function pass<Answer>(
    statements: InStatement[],
    work: () => Promise<Answer>,
    rows: (answer: Answer) => number[],
  ): Promise<Answer> {
    const texts = statements.map((each) => (typeof each === "string" ? each : each.sql).toLowerCase());
    const trip: RoundTrip = { statements: texts, rows: [] };
    counted.trips.push(trip);
    await counted.hold?.(trip);
    const answer = await work();
    trip.rows.push(...rows(answer));
    return answer;
  }

  function watched(): Client {
    const rowsOf = (results: ResultSet[]) => results.map((result) => result.rows.length);
    const own: Partial<Record<keyof Client, unknown>> = {
      execute: (statement: InStatement) =>
        pass(
          [statement],
          () => client.execute(statement),
          (result) => rowsOf([result]),
        ),
      batch: (statements: InStatement[], mode: Parameters<Client["batch"]>[1]) =>
        pass(statements, () => client.batch(statements, mode), rowsOf),
      transaction: () => Promise.reject(new Error("a transaction is several round trips: not here")),
    };
    return new Proxy(client, {
      get(target, name) {
        if (name in own) return Reflect.get(own, name);
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  }

  return counted;
}
