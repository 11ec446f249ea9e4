/** The rules of limits, each left out: the simulator has to notice. */

import type { Cooling } from "../../../src/limits/cooling.ts";
import { decide } from "../../../src/limits/decide.ts";
import { accountsExhausted } from "../../../src/proxy/limit-errors.ts";
import type { Rules } from "./run.ts";

/** The same with these members in place of its own. */
function replaced(real: Cooling, by: Partial<Cooling>): Cooling {
  return new Proxy(real, {
    get(target, name) {
      const member: unknown = Reflect.get(by, name) ?? Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

export const withoutMemory: Partial<Rules> = {
  cooling: (real) => replaced(real, { of: () => null, rowOf: () => null }),
};

export const withoutSharing: Partial<Rules> = { cooling: (real) => replaced(real, { learn: () => {} }) };

/** Other clocks are believed as they are. */
export const withoutClocks: Partial<Rules> = {
  cooling: (real) =>
    replaced(real, {
      learn: ({ rows, storeNow }) =>
        real.learn({ rows: rows.map((row) => ({ ...row, until: row.until - 5 * 60_000 })), storeNow }),
    }),
};

export const withTwoHops: Partial<Rules> = { hops: 2 };
export const withoutHop: Partial<Rules> = { hops: 0 };

export const withBursts: Partial<Rules> = {
  cooling: (real) =>
    replaced(real, {
      refused: (id, verdict, words) => real.refused(id, { ...verdict, class: "window" }, words),
    }),
};

export const withoutBinding: Partial<Rules> = { sessions: (real) => ({ ...real, boundTo: () => null }) };

export const withoutEnd: Partial<Rules> = {
  cooling: (real) =>
    replaced(real, {
      of(id, model) {
        const limit = real.of(id, model);
        return limit === null ? null : { ...limit, phase: "active" };
      },
    }),
};

export const withLongWaits: Partial<Rules> = {
  error(known, name, url) {
    const error = accountsExhausted(known, name, url);
    error.headers["retry-after"] = "3600";
    return error;
  },
};

let turn = 0;
/** Spreads requests over accounts. */
export const withTurns: Partial<Rules> = {
  decide(inputs) {
    const decision = decide(inputs);
    const free = inputs.candidates.filter(({ cooling }) => cooling === null);
    const next = free[turn++ % Math.max(1, free.length)];
    return decision.ok && next !== undefined
      ? { ...decision, reasons: [], accountId: next.accountId }
      : decision;
  },
};
