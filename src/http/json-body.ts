/** Decodes JSON request bodies with zod. An error names the field and what it should be, and never repeats a value that was sent. */
import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { KleisError } from "../errors.ts";
import { isDeeper, isObject, type JsonObject, MAX_DEPTH } from "../json.ts";
import "../zod-locale.ts";

const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/** The length up to which an error repeats a field's name. */
const MAX_NAME_LENGTH = 40;

/**
 * Requires JSON's content type where there is a body: the validator would take any other body for an empty object, and a
 * page of another origin cannot send this type without asking first. No body at all counts as an empty object.
 */
export const requireJson: MiddlewareHandler = async (c, next) => {
  if ((await c.req.text()) === "") {
    c.req.raw = withoutType(c.req.raw);
  } else if (!JSON_TYPE.test(c.req.header("content-type") ?? "")) {
    throw new KleisError(
      "invalid_request",
      "Send a JSON object as the body, with the header content-type: application/json.",
    );
  }
  await next();
};

/** The request without a content type, which the validator takes for an empty object. */
function withoutType({ url, method, headers, signal }: Request): Request {
  const others = new Headers(headers);
  others.delete("content-type");
  return new Request(url, { method, headers: others, signal });
}

const jsonObject = z
  .custom<JsonObject>(isObject, { error: "The request body must be a JSON object", abort: true })
  .check(
    z.refine((value) => !isDeeper(value), `The request body is nested more than ${MAX_DEPTH} levels deep`),
  );

/**
 * Validates the JSON body; `c.req.valid("json")` then has the schema's type. Mounted after `requireJson`. Malformed JSON is
 * an `HTTPException`, which `toKleisError` knows.
 */
export function jsonBody<Schema extends z.ZodMiniType>(schema: Schema) {
  return zValidator("json", inObject(schema), (result) => {
    if (!result.success) throw invalidRequest(result.error.issues, schema);
  });
}

/** Decodes a value by the rules of `jsonBody`, for input that came another way. Throws `invalid_request`. */
export function decodeBody<Schema extends z.ZodMiniType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = inObject(schema).safeParse(body);
  if (result.success) return result.data;
  throw invalidRequest(result.error.issues, schema);
}

function inObject<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(jsonObject, schema as unknown as z.ZodMiniType<z.output<Schema>, JsonObject>);
}

/** The first issue as an error that names the field. */
export function invalidRequest(issues: readonly z.core.$ZodIssue[], schema: z.ZodMiniType): KleisError {
  const issue = issues[0];
  if (issue === undefined) return new KleisError("invalid_request", "The request is not valid.");
  if (issue.code === "unrecognized_keys") {
    const name = [...issue.path, issue.keys[0] ?? ""].join(".").slice(0, MAX_NAME_LENGTH);
    return new KleisError("invalid_request", `Unknown field ${name}.${knownFields(schema)}`, { param: name });
  }
  const param = issue.path.join(".").slice(0, MAX_NAME_LENGTH);
  if (param === "") return new KleisError("invalid_request", sentence(issue.message));
  return new KleisError("invalid_request", `${param}: ${sentence(issue.message)}`, { param });
}

function knownFields(schema: z.ZodMiniType): string {
  return schema instanceof z.ZodMiniObject ? ` Known fields: ${Object.keys(schema.shape).join(", ")}.` : "";
}

function sentence(message: string): string {
  return message.endsWith(".") ? message : `${message}.`;
}
