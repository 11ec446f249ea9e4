/** What the admin API takes, as zod schemas: unknown fields are refused, so that a misspelt limit is not no limit. */
import * as z from "zod";
import { type AccountImport, LABEL_MAX } from "../../accounts/import.ts";
import { isObject, type JsonObject } from "../../json.ts";
import { invalidRequest } from "../validate.ts";

/** Entries of one scope at most, and characters of one entry. */
const SCOPE_MAX = 200;
const NAME_MAX = 200;

const label = z
  .string("must be a string")
  .trim()
  .min(1, "must not be empty")
  .max(LABEL_MAX, `must have at most ${LABEL_MAX} characters`);

const secret = z.string("must be a string").trim().min(1, "must not be empty");

const epochMs = z
  .int("must be a time in epoch milliseconds (a whole number)")
  .positive("must be a time in epoch milliseconds");

/** A scope: absent or null for no limit, never empty (a key that may use nothing is no key). */
const scope = (of: string) =>
  z
    .array(
      z
        .string(`must be ${of}`)
        .trim()
        .min(1, `must be ${of}`)
        .max(NAME_MAX, `must have at most ${NAME_MAX} characters`),
      `must be a list of ${of}s`,
    )
    .min(1, "must not be empty; leave it out for no limit")
    .max(SCOPE_MAX, `must have at most ${SCOPE_MAX} entries`)
    .transform((names) => [...new Set(names)])
    .nullish();

/** `POST /admin/keys`. Whether the names exist and the time lies ahead is judged where that is known. */
export const keyBody = z.strictObject({
  label: label.optional(),
  providers: scope("provider id"),
  models: scope("model id"),
  accounts: scope("account id"),
  expires_at: epochMs.nullish(),
});

/** `PATCH /admin/accounts/:id`. */
export const accountChangeBody = z
  .strictObject({ label: label.optional(), enabled: z.boolean("must be true or false").optional() })
  .refine((change) => change.label !== undefined || change.enabled !== undefined, {
    message: "Nothing to change: send label, enabled, or both.",
  });

/** `POST /admin/accounts/:provider/oauth/start`. Which modes there are is the provider's to say. */
export const oauthStartBody = z.strictObject({
  mode: z.string("must be a string").trim().min(1, "must not be empty").optional(),
  enterprise_domain: z
    .string("must be a host name such as company.ghe.com")
    .trim()
    .min(1, "must not be empty")
    .max(300, "must be a host name such as company.ghe.com")
    .optional(),
});

/** `POST /admin/accounts/:provider/oauth/complete`; `code` as it was pasted. */
export const oauthCompleteBody = z.strictObject({
  state: z
    .string("must be the state that oauth/start answered")
    .trim()
    .min(1, "must be the state that oauth/start answered")
    .max(NAME_MAX, "must be the state that oauth/start answered"),
  code: z.string("must be the pasted code or address").optional(),
});

const provider = z.string("must be a provider's id").trim().min(1, "must be a provider's id");

const fileBody = z.strictObject({
  file: z.custom<JsonObject>(isObject, "must be the parsed JSON of a credential file (an object, not text)"),
});

const oauthBody = z.strictObject({
  provider,
  kind: z.literal("oauth", 'must be "oauth" or "api_key"'),
  label: label.optional(),
  access_token: secret.optional(),
  refresh_token: secret.optional(),
  expires_at: epochMs.optional(),
  account_id: secret.optional(),
});

const apiKeyBody = z.strictObject({
  provider,
  kind: z.literal("api_key"),
  label: label.optional(),
  api_key: secret,
});

/** `POST /admin/accounts/import`: a file, or one account's tokens or key. */
export const importBody = z.looseObject({}).transform((body): AccountImport => {
  if ("file" in body) return decode(fileBody, body);
  if (body.kind === "api_key") {
    const { provider, kind, label, api_key } = decode(apiKeyBody, body);
    return { provider, account: { kind, apiKey: api_key, ...(label === undefined ? {} : { label }) } };
  }
  const { provider, kind, label, access_token, refresh_token, expires_at, account_id } = decode(
    oauthBody,
    body,
  );
  return {
    provider,
    account: {
      kind,
      ...(label === undefined ? {} : { label }),
      ...(access_token === undefined ? {} : { accessToken: access_token }),
      ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
      ...(expires_at === undefined ? {} : { expiresAt: expires_at }),
      ...(account_id === undefined ? {} : { accountId: account_id }),
    },
  };
});

/** Decodes with the one schema that was meant, so that the refusal speaks of its fields only. */
function decode<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalidRequest(result.error.issues, schema);
}
