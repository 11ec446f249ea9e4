import { expect, test } from "vitest";
import { mayUseAccount } from "../../src/keys/scope.ts";

test("a key without limits may use every account, an empty limit none, a list only its own", () => {
  expect(mayUseAccount({ accounts: null }, "acc_1")).toBe(true);
  expect(mayUseAccount({ accounts: [] }, "acc_1")).toBe(false);
  expect(mayUseAccount({ accounts: ["acc_1"] }, "acc_1")).toBe(true);
  expect(mayUseAccount({ accounts: ["acc_1"] }, "acc_2")).toBe(false);
});
