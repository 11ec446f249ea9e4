/** Decodes a JSON request body with zod and refuses in words what does not fit; never repeats a value that was sent. */
import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { KleisError } from "../errors.ts";
import { isDeeper, isObject, MAX_DEPTH, parseJson } from "../json.ts";
import "../zod-locale.ts";

const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/** The length up to which a field's name is repeated in a message. */
const NAME_SHOWN = 40;

/**
 * Refuses a body that is not a JSON object; none at all counts as an empty one. The content type is demanded, since the validator takes any other body for
 * an empty object, and since a page of another origin can not send it unasked.
 */
export const requireJson: MiddlewareHandler = async (c, next) => {
  const source = await c.req.text();
  if (source === "") {
    c.req.raw = withoutType(c.req.raw);
    return next();
  }
  if (!JSON_TYPE.test(c.req.header("content-type") ?? "")) {
    throw new KleisError(
      "invalid_request",
      "Send a JSON object as the body, with the header content-type: application/json.",
    );
  }
  const value = parseJson(source);
  if (value === undefined) throw new KleisError("invalid_json", "The request body is not valid JSON.");
  if (!isObject(value)) throw new KleisError("invalid_request", "The request body must be a JSON object.");
  if (isDeeper(value)) {
    throw new KleisError("invalid_request", `The request body is nested more than ${MAX_DEPTH} levels deep.`);
  }
  await next();
};

/** The request as one that says nothing of a body, which the validator takes for an empty object. */
function withoutType({ url, method, headers, signal }: Request): Request {
  const others = new Headers(headers);
  others.delete("content-type");
  return new Request(url, { method, headers: others, signal });
}

/** Validates the JSON body; `c.req.valid("json")` is then of the schema's type. Stands behind `requireJson`. */
export function jsonBody<Schema extends z.ZodMiniType>(schema: Schema) {
  return zValidator("json", schema, (result) => {
    if (!result.success) throw invalidRequest(result.error.issues, schema);
  });
}

/** The first thing that is wrong, as a refusal that names the field. */
export function invalidRequest(issues: readonly z.core.$ZodIssue[], schema: z.ZodMiniType): KleisError {
  const issue = issues[0];
  if (issue === undefined) return new KleisError("invalid_request", "The request is not valid.");
  if (issue.code === "unrecognized_keys") {
    const name = [...issue.path, issue.keys[0] ?? ""].join(".").slice(0, NAME_SHOWN);
    return new KleisError("invalid_request", `Unknown field ${name}.${knownFields(schema)}`, { param: name });
  }
  const param = issue.path.join(".").slice(0, NAME_SHOWN);
  if (param === "") return new KleisError("invalid_request", sentence(issue.message));
  return new KleisError("invalid_request", `${param}: ${sentence(issue.message)}`, { param });
}

function knownFields(schema: z.ZodMiniType): string {
  return schema instanceof z.ZodMiniObject ? ` Known fields: ${Object.keys(schema.shape).join(", ")}.` : "";
}

function sentence(message: string): string {
  return message.endsWith(".") ? message : `${message}.`;
}
