/**
 * Makes the request to Anthropic (providers/claude.md §2). An API-key request keeps its body and query as they came;
 * a subscription request gets what the profile names, and Claude Code's own only its authorization.
 */
import { KleisError } from "../../errors.ts";
import type { Edit } from "../../protocols/body.ts";
import { bodyBetas } from "../../protocols/messages/body-betas.ts";
import { refuseThread } from "../../protocols/messages/threads.ts";
import { USER_AGENT } from "../../version.ts";
import type { PreparedRequest, PrepareInput, ResponsePlan } from "../provider.ts";
import { apiKeyHeaders, oauthHeaders, planAgent } from "./headers.ts";
import { PROFILE } from "./profile.ts";
import { restoreToolNames } from "./restore-tool-names.ts";
import { isClaudeCode, systemEdits } from "./system.ts";
import { toolNames } from "./tool-names.ts";

/** Anthropic sends `ping` events while its model thinks (providers/claude.md §3.3). */
const UNTOUCHED: ResponsePlan = { sendsKeepAlive: true };

/** A request for what Anthropic's API can be asked for. */
type ClaudeInput = PrepareInput & { readonly operation: keyof typeof PROFILE.paths };

function isClaudeInput(input: PrepareInput): input is ClaudeInput {
  return Object.hasOwn(PROFILE.paths, input.operation);
}

export function prepare(input: PrepareInput): PreparedRequest {
  if (!isClaudeInput(input)) {
    throw new KleisError(
      "protocol_not_supported",
      "Claude models answer on /v1/messages: send the request there.",
    );
  }
  return input.credential.kind === "api_key" ? prepareApiKey(input) : prepareOAuth(input);
}

function prepareApiKey(input: ClaudeInput): PreparedRequest {
  return {
    url: address(input, input.query),
    headers: apiKeyHeaders(input.headers, input.credential.token),
    edits: [],
    streams: streams(input),
    response: UNTOUCHED,
  };
}

function prepareOAuth(input: ClaudeInput): PreparedRequest {
  const body = input.body.value;
  const betas = bodyBetas(body);
  const own = isClaudeCode(body, input.headers);
  const userAgent = planAgent(input.config);
  const edits: Edit[] = betas === null ? [] : [{ change: "claude-betas", op: "remove", path: ["betas"] }];
  const request = {
    url: address(input, withBeta(input.query)),
    headers: oauthHeaders({
      operation: input.operation,
      headers: input.headers,
      credential: input.credential,
      isClaudeCode: own,
      bodyBetas: betas ?? [],
      userAgent,
    }),
    streams: streams(input),
  };
  if (own) return { ...request, edits, response: UNTOUCHED };
  // A later turn of a thread carries neither `system` nor `tools`: no place for the identity, no table of names.
  refuseThread(body, "Claude subscriptions");

  const system = systemEdits(body);
  const names = toolNames(body);
  return {
    ...request,
    edits: [...edits, ...system.edits, ...names.edits],
    changes: [...(userAgent === USER_AGENT ? [] : (["claude-user-agent"] as const)), ...system.changes],
    response: names.edits.length === 0 ? UNTOUCHED : restoreToolNames(names.inverse),
  };
}

function address({ config, operation }: ClaudeInput, query: string): string {
  const url = config.CLAUDE_API_URL + PROFILE.paths[operation];
  return query === "" ? url : `${url}?${query}`;
}

/** The query as it came, with `beta=true` where it says nothing of it. */
function withBeta(query: string): string {
  const { name, value } = PROFILE.betaQuery;
  if (new URLSearchParams(query).has(name)) return query;
  return query === "" ? `${name}=${value}` : `${query}&${name}=${value}`;
}

function streams({ operation, body }: PrepareInput): boolean {
  return operation === "messages" && body.value.stream === true;
}
