/** The times around a refresh, which only hold together: a token that is posted is never posted by a second one meanwhile. */
import { expect, test } from "vitest";
import { SHUTDOWN_LIMIT_MS } from "../../adapters/node/server.ts";
import {
  BEGIN_WITHIN_MS,
  backOff,
  CALL_LIMIT_MS,
  LEASE_MS,
  LONGEST_PAUSE_MS,
  WAIT_LIMIT_MS,
} from "../../src/accounts/refresh/timing.ts";
import { LOCK_MS, STEP_MS } from "../../src/accounts/sign-in/store.ts";
import { LONGEST_HOLD_OFF_MS, LONGEST_LEASE_MS } from "../../src/storage/port.ts";

const WHOLE_REFRESH_MS = BEGIN_WITHIN_MS + CALL_LIMIT_MS;

test("a lease outlasts the call that is made under it, and the turn of a sign-in its step", () => {
  expect(WHOLE_REFRESH_MS).toBeLessThan(LEASE_MS);
  expect(STEP_MS).toBeLessThan(LOCK_MS);
});

test("a waiter outwaits a lease whose holder died, and a whole refresh after it", () => {
  expect(LEASE_MS + WHOLE_REFRESH_MS + LONGEST_PAUSE_MS).toBeLessThan(WAIT_LIMIT_MS);
});

test("Node waits at its end for a call that has just been made", () => {
  expect(CALL_LIMIT_MS).toBeLessThan(SHUTDOWN_LIMIT_MS);
});

test("no lease and no pause is taken for one of a clock that was put back", () => {
  expect(LEASE_MS).toBeLessThan(LONGEST_LEASE_MS);
  expect(backOff(99, Number.POSITIVE_INFINITY)).toBeLessThan(LONGEST_HOLD_OFF_MS);
});
