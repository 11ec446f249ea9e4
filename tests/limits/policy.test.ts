import { expect, test } from "vitest";
import {
  changedPolicy,
  DEFAULT_POLICY,
  readPolicies,
  requestPolicy,
  writePolicies,
} from "../../src/limits/policy.ts";

const on = { ...DEFAULT_POLICY, failover: "own_accounts" } as const;

test("everything is off until the owner switches it on, and a key can only forbid", () => {
  expect(requestPolicy(DEFAULT_POLICY, null)).toEqual({ failover: "off", maySpend: false });
  expect(requestPolicy(on, null)).toEqual({ failover: "own_accounts", maySpend: false });
  expect(requestPolicy(on, "never")).toEqual({ failover: "off", maySpend: false });
  expect(requestPolicy({ ...on, maySpend: true }, "never")).toEqual({ failover: "off", maySpend: false });
});

test("nothing may spend until what it costs is counted", () => {
  expect(changedPolicy(DEFAULT_POLICY, { failover: "own_accounts" })).toEqual(on);
  expect(() => changedPolicy(on, { maySpend: true })).toThrow(
    expect.objectContaining({ code: "invalid_request", param: "may_spend" }),
  );
  expect(() => changedPolicy(on, { monthlyCapUsd: 20 })).toThrow(
    expect.objectContaining({ code: "invalid_request", param: "monthly_cap_usd" }),
  );
});

test("policies are kept, and what cannot be read is off", () => {
  expect(readPolicies(writePolicies(new Map([["claude", on]])))).toEqual(new Map([["claude", on]]));
  for (const setting of [null, "", "{", "[]", '{"claude":{"failover":"always"}}'])
    expect(readPolicies(setting).size).toBe(0);
});
