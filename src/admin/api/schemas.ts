/** What the admin API takes, as zod schemas: unknown fields are refused, so that a misspelt limit is not no limit. */
import * as z from "zod/mini";
import { type AccountImport, LABEL_MAX } from "../../accounts/import.ts";
import { invalidRequest } from "../../http/json-body.ts";
import { isObject, type JsonObject } from "../../json.ts";
import { customList } from "../../models/catalogue/custom-store.ts";
import type { Operation } from "../../protocols/protocol.ts";
import { readExpiry } from "../../providers/expiry.ts";

/** Entries of one scope at most, and characters of one entry. */
const SCOPE_MAX = 200;
const NAME_MAX = 200;

const OPERATION_NAMES = [
  "chat",
  "responses",
  "messages",
  "count_tokens",
] as const satisfies readonly Operation[];

/** Trimmed text that must not be empty: `refusal` for what is not text, `empty` for what has nothing left after trimming. */
const someText = (refusal: string, empty = refusal) =>
  z.string(refusal).check(z.trim(), z.minLength(1, empty));

/** What cannot be stored and shown as it was sent: control characters, and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
/** The same without what a line break or a tab inside a pasted secret is. */
const UNPRINTABLE_IN_SECRET = /[^\P{Cc}\t\r\n]|\p{Cs}/u;

const printable = (unprintable: RegExp) =>
  z.refine<string>(
    (value) => !unprintable.test(value),
    "must not hold control characters (such as NUL or a line break) or broken Unicode",
  );

const text = (refusal: string, empty = refusal) => someText(refusal, empty).check(printable(UNPRINTABLE));

const name = text("must be a string", "must not be empty");

const secret = someText("must be a string", "must not be empty").check(printable(UNPRINTABLE_IN_SECRET));

const label = name.check(z.maxLength(LABEL_MAX, `must have at most ${LABEL_MAX} characters`));

const epochMs = z
  .int("must be a time in epoch milliseconds (a whole number)")
  .check(z.positive("must be a time in epoch milliseconds"));

/** When a token ends, as credential files and people write it; epoch ms. */
const expiry = z.pipe(
  z
    .unknown()
    .check(
      z.refine(
        (value) => readExpiry(value) !== undefined,
        "must be a time: epoch milliseconds or seconds, or ISO 8601 such as 2026-12-31T23:59:59Z",
      ),
    ),
  z.transform((value) => readExpiry(value)),
);

/** A scope: absent or null for no limit, never empty (a key that may use nothing is no key). */
const scope = (of: string) =>
  z.nullish(
    z.pipe(
      z
        .array(
          text(`must be ${of}`).check(z.maxLength(NAME_MAX, `must have at most ${NAME_MAX} characters`)),
          `must be a list of ${of}s`,
        )
        .check(
          z.minLength(1, "must not be empty; leave it out for no limit"),
          z.maxLength(SCOPE_MAX, `must have at most ${SCOPE_MAX} entries`),
        ),
      z.transform((names) => [...new Set(names)]),
    ),
  );

const keyFailover = z.literal("never", 'must be "never", or null to follow the policy of the provider');

/** `POST /admin/keys`. Whether the names exist and the time lies ahead is judged where that is known. */
export const keyBody = z.strictObject({
  label: z.optional(label),
  providers: scope("provider id"),
  models: scope("model id"),
  accounts: scope("account id"),
  expires_at: z.nullish(epochMs),
  failover: z.nullish(keyFailover),
});

/** `PATCH /admin/keys/:id`. */
export const keyChangeBody = z.strictObject({ failover: z.nullable(keyFailover) });

const isSet = z.boolean("must be true or false");

/** Refuses a change without any member. */
const someChange = (members: string) =>
  z.refine<object>(
    (change) => Object.values(change).some((value) => value !== undefined),
    `Nothing to change: send ${members}.`,
  );

const RANK_MAX = 1_000_000;
const RANK = `must be a whole number from 0 to ${RANK_MAX}, or null for no rank`;

/** `PATCH /admin/accounts/:id`. */
export const accountChangeBody = z
  .strictObject({
    label: z.optional(label),
    enabled: z.optional(isSet),
    rank: z.optional(z.nullable(z.int(RANK).check(z.minimum(0, RANK), z.maximum(RANK_MAX, RANK)))),
  })
  .check(someChange("label, enabled or rank"));

/** `PATCH /admin/providers/:id`. What cannot be kept is judged where that is known. */
export const policyChangeBody = z
  .strictObject({
    failover: z.optional(z.enum(["off", "own_accounts"], 'must be "off" or "own_accounts"')),
    may_spend: z.optional(isSet),
    monthly_cap_usd: z.optional(
      z.nullable(z.number("must be US dollars, or null").check(z.positive("must be more than 0"))),
    ),
    stop_on_extra_usage: z.optional(isSet),
  })
  .check(someChange("failover, may_spend, monthly_cap_usd or stop_on_extra_usage"));

/** `POST /admin/explain`. */
export const explainBody = z.strictObject({
  model: name,
  key: name,
  protocol: z.enum(OPERATION_NAMES, `must be one of ${OPERATION_NAMES.join(", ")}`),
  session: z.optional(name),
  at: z.optional(epochMs),
});

/** `PUT /admin/models`: the whole list, which replaces the stored one. */
export const customModelsBody = z.strictObject({ models: customList });

/** `POST /admin/accounts/:provider/oauth/start`. Which modes there are is the provider's to say. */
export const oauthStartBody = z.strictObject({
  mode: z.optional(name),
  enterprise_domain: z.optional(
    text("must be a host name such as company.ghe.com", "must not be empty").check(
      z.maxLength(300, "must be a host name such as company.ghe.com"),
    ),
  ),
});

/** `POST /admin/accounts/:provider/oauth/complete`; `code` as it was pasted. */
export const oauthCompleteBody = z.strictObject({
  state: text("must be the state that oauth/start answered").check(
    z.maxLength(NAME_MAX, "must be the state that oauth/start answered"),
  ),
  code: z.optional(z.string("must be the pasted code or address")),
});

const provider = text("must be a provider's id");

const fileBody = z.strictObject({
  file: z.custom<JsonObject>(isObject, "must be the parsed JSON of a credential file (an object, not text)"),
});

const oauthBody = z.strictObject({
  provider,
  kind: z.literal("oauth", 'must be "oauth" or "api_key"'),
  label: z.nullish(label),
  access_token: z.nullish(secret),
  refresh_token: z.nullish(secret),
  expires_at: z.nullish(expiry),
  account_id: z.nullish(name),
});

const apiKeyBody = z.strictObject({
  provider,
  kind: z.literal("api_key"),
  label: z.nullish(label),
  api_key: secret,
});

/** `POST /admin/accounts/import`: a file, or one account's tokens or key. Null counts as absent. */
export const importBody = z.pipe(z.looseObject({}), z.transform(importOf));

function importOf(body: JsonObject): AccountImport {
  if ("file" in body) return decode(fileBody, body);
  if (body.kind === "api_key") {
    const { provider, kind, label, api_key } = decode(apiKeyBody, body);
    return { provider, account: { kind, apiKey: api_key, ...present({ label }) } };
  }
  const { provider, kind, label, access_token, refresh_token, expires_at, account_id } = decode(
    oauthBody,
    body,
  );
  return {
    provider,
    account: {
      kind,
      ...present({
        label,
        accessToken: access_token,
        refreshToken: refresh_token,
        accountId: account_id,
      }),
      ...present({ expiresAt: expires_at }),
    },
  };
}

/** The members that have a value. */
function present<Name extends string, Value>(
  members: Record<Name, Value | null | undefined>,
): Partial<Record<Name, Value>> {
  const some: Partial<Record<Name, Value>> = {};
  for (const name in members) {
    const value = members[name];
    if (value !== null && value !== undefined) some[name] = value;
  }
  return some;
}

/** Decodes with the one schema that was meant, so that the refusal speaks of its fields only. */
function decode<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalidRequest(result.error.issues, schema);
}
