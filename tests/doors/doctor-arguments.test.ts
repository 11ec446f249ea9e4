import { expect, test } from "vitest";
import { readArguments } from "../../adapters/doctor/arguments.ts";

test.each([
  ["https://kleis.example.com", "https://kleis.example.com"],
  ["https://kleis.example.com/admin", "https://kleis.example.com"],
  ["https://kleis.example.com/?next=/admin#x", "https://kleis.example.com"],
  ["HTTP://kleis.example.com:8080/", "http://kleis.example.com:8080"],
  ["kleis.example.com", "https://kleis.example.com"],
  ["kleis.example.com/admin", "https://kleis.example.com"],
  ["kleis.example.com:8443", "https://kleis.example.com:8443"],
  ["nas:4747", "https://nas:4747"],
  ["localhost", "http://localhost"],
  ["localhost:4747", "http://localhost:4747"],
  ["127.0.0.1:4747/admin", "http://127.0.0.1:4747"],
  ["127.0.0.1:443", "http://127.0.0.1:443"],
  ["[::1]:4747", "http://[::1]:4747"],
  ["https://example.com/kleis/", "https://example.com/kleis"],
  ["https://example.com/kleis/admin/page/keys", "https://example.com/kleis"],
  ["example.com/team/kleis/v1", "https://example.com/team/kleis"],
])("%s is the deployment at %s", (given, address) => {
  expect(readArguments([given])).toEqual({ ok: true, address });
});

test("a file of variables is named in either form, beside an address or without", () => {
  expect(readArguments([])).toEqual({ ok: true });
  expect(readArguments(["--env-file=x.env"])).toEqual({ ok: true, envFile: "x.env" });
  expect(readArguments(["--env-file", "x.env"])).toEqual({ ok: true, envFile: "x.env" });
  expect(readArguments(["kleis.example.com", "--env-file", "x.env"])).toEqual({
    ok: true,
    address: "https://kleis.example.com",
    envFile: "x.env",
  });
});

test.each([
  [["--env-file"], "--env-file needs the name of a file"],
  [["--env-file="], "--env-file needs the name of a file"],
  [["--verbose=very-secret"], "there is no option --verbose"],
  [["help"], "argument 1 is neither an address nor an option"],
  [["https://"], "argument 1 is neither an address nor an option"],
  [["ftp://kleis.example.com"], "argument 1 is neither an address nor an option"],
  [["kleis.example.com", "ADMIN_TOKEN=very-secret"], "argument 2 is neither an address nor an option"],
  [["a.example.com", "b.example.com"], "only one address can be looked at"],
])("%s is refused in words that repeat nothing secret", (given, words) => {
  expect(readArguments(given)).toEqual({ ok: false, problem: `This cannot be understood: ${words}.` });
});
