/** What an owner reads when a form is not taken: the page's words for the page's fields, and which of them is wrong. */
import { beforeEach, describe, expect, test } from "vitest";
import { identityOf } from "../../src/admin/ui/account-name.ts";
import { formErrorOf } from "../../src/admin/ui/form-error.ts";
import { copilot } from "../../src/providers/copilot/index.ts";
import { type Kleis, startKleis } from "../support/kleis.ts";

let kleis: Kleis;
let cookie: string;

beforeEach(async () => {
  // A provider that has no sign-in by code.
  kleis = await startKleis({ network: () => Promise.resolve(Response.json({}, { status: 404 })) });
  cookie = await kleis.login();
});

interface ShownError {
  readonly text: string;
  /** The tags of the fields that are marked. */
  readonly wrong: readonly string[];
}

async function send(path: string, form: Record<string, string>): Promise<ShownError> {
  const answer = await kleis.browse(`/admin/page/${path}`, { cookie, form });
  const html = await answer.text();
  const [, words = ""] = /id="form-error" data-error=.*?<span>(.*?)<\/span>/.exec(html) ?? [];
  return { text: words, wrong: html.match(/<(input|select|textarea)[^>]*aria-invalid="true"[^>]*>/g) ?? [] };
}

const material = (fields: Record<string, string>) => ({ provider: "codex", label: "", ...fields });

test.each([
  ["a name that is too long", "keys", { label: "x".repeat(121) }, "“Name” must have at most", "label"],
  [
    "a last day that is over",
    "keys",
    { label: "x", lifetime: "date", date: "2001-01-01" },
    "The last day must not lie in the past.",
    "date",
  ],
  ["no last day", "keys", { lifetime: "date", date: "" }, "Choose the last day", "date"],
  ["no key", "import", material({ kind: "api_key" }), "“API key” must not be empty.", "api_key"],
  [
    "a key with a space in it",
    "import",
    material({ kind: "api_key", provider: "claude", api_key: "sk-ant x" }),
    "“API key” holds white space",
    "api_key",
  ],
  ["no token", "import", material({ kind: "tokens" }), "Enter an access token", "access_token"],
  [
    "tokens that do not say whose they are",
    "import",
    material({ kind: "tokens", access_token: "abc", refresh_token: "def" }),
    "Fill in the account id too",
    "account_id",
  ],
  [
    "a time that is none",
    "import",
    material({ kind: "tokens", access_token: "a", expires_at: "soon" }),
    "“Access token ends” must be a time",
    "expires_at",
  ],
  ["no file", "import", { kind: "file" }, "Choose a file, or paste its content.", "file"],
  ["a paste that is no file", "import", { kind: "file", text: "hello" }, "This is not the JSON", "text"],
  ["a file without a login", "import", { kind: "file", text: "{}" }, "No account was found in it.", "file"],
  [
    "half of the limits",
    "models",
    { id: "fast", provider: "claude", model: "claude-haiku-4-5", context: "1000", output: "" },
    "“Output” must be a whole number of tokens.",
    "output",
  ],
  [
    "more output than context",
    "models",
    { id: "fast", provider: "claude", model: "claude-haiku-4-5", context: "10", output: "20" },
    "“Context and output” must not have more output than context.",
    "context",
  ],
  [
    "a name with a space",
    "models",
    { id: "so fast", provider: "claude", model: "claude-haiku-4-5" },
    "“Name that agents ask for” must have no spaces",
    "id",
  ],
  [
    "a domain that is none",
    "connect/copilot/start",
    { mode: "device", enterprise_domain: "not a host" },
    "The enterprise domain must be a plain public host name",
    "enterprise_domain",
  ],
])(
  "%s is said of the field by its label, and the field is marked",
  async (_what, path, form, words, field) => {
    const { text: said, wrong } = await send(path, form);
    expect(said).toContain(words);
    expect(said).not.toMatch(/\b[a-z]+_[a-z_]+\b|`|^[a-z.0-9]+: /);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(`name="${field}"`);
    expect(wrong[0]).toMatch(/aria-describedby="([\w-]+ )?form-error"/);
  },
);

test("a way of signing in that is closed is answered with the other one by the name that it has on the page", async () => {
  const { text } = await send("connect/codex/start", { mode: "device" });
  expect(text).toContain("or start with “Sign in with this browser”.");
});

describe("a sentence of the API", () => {
  test("about a field that the form does not have loses the program's name for it alone", () => {
    expect(formErrorOf({ message: "scope: must be known.", param: "scope" }, {})).toEqual({
      text: "Must be known.",
      field: undefined,
    });
  });

  test("that names no field stays as it is", () => {
    const message = "There is no account in it.";
    expect(formErrorOf({ message }, { label: { label: "Name" } }).text).toBe(message);
  });
});

test("a plan has the name under which it is sold, and an unknown one the provider's words", () => {
  const planOf = (plan: string, provider?: typeof copilot) =>
    identityOf({ metadata: { plan } }, provider).plan;
  expect(planOf("individual", copilot)).toBe("Copilot Pro");
  expect(planOf("individual_pro", copilot)).toBe("Copilot Pro+");
  expect(planOf("some_new_thing", copilot)).toBe("Some new thing");
  expect(planOf("constructor", copilot)).toBe("Constructor");
  expect(planOf("max")).toBe("Max");
});
