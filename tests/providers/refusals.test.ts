/** Each provider's table of refusals over what the provider is documented to say (docs/providers, the fakes' errors). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formOf, readErrorDetails } from "../../src/protocols/error-shape.ts";
import { soundsTemporary } from "../../src/protocols/stream-errors.ts";
import * as claude from "../../src/providers/claude/refusals.ts";
import * as codex from "../../src/providers/codex/refusals.ts";
import * as copilot from "../../src/providers/copilot/refusals.ts";
import {
  CLASS_WORDS,
  CLASSES,
  isFinal,
  type Refusal,
  type Refused,
  refusesModel,
} from "../../src/providers/refusal.ts";
import { BETWEEN, REST, type RefusalRow } from "../../src/providers/refusal-table.ts";
import { classifyErrorText } from "../../src/proxy/response/classify-refusal.ts";
import { CLAUDE_ERRORS } from "../fakes/claude/errors.ts";
import { CODEX_ERRORS } from "../fakes/codex/errors.ts";
import { COPILOT_ERRORS } from "../fakes/copilot/errors.ts";
import { bytesOf, type Reply } from "../fakes/server.ts";

const NOW = 1_790_000_000_000;

type Kind = Refused["kind"];
interface Provider {
  readonly REFUSALS: readonly RefusalRow[];
  classify(refused: Refused): Refusal;
}

function named({ classify }: Provider, { status, headers = {}, body }: Reply, kind: Kind = "oauth"): Refusal {
  const answer = { status, headers: new Headers(headers) };
  const source = bytesOf(body ?? "").toString();
  return classifyErrorText((refused) => classify({ ...refused, kind }), answer, source, NOW);
}

/** `class`, then the scope, then why it lasts where it does. */
const brief = ({ class: name, scope, lasting }: Refusal) =>
  [name, scope, ...(lasting === null ? [] : [lasting.why])].join(" ");

const error = (status: number, said: object, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  body: { error: said },
});
const text = (status: number, body: string, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  body,
});

/** What a proxy, a filter or Cloudflare says in the provider's place. */
const BETWEEN_SAID: readonly [Reply, string][] = [
  [text(403, "<html><title>Access blocked by your company</title></html>"), "network route denied"],
  [text(403, "error code: 1020"), "network route denied"],
  [text(403, "", { "cf-mitigated": "challenge" }), "network route denied"],
  [text(407, "Proxy Authentication Required"), "network route"],
  [text(404, "<!doctype html><p>Not here"), "network route"],
  [text(429, "<html>1015 You are being rate limited</html>"), "network route"],
  [text(502, "<html>502</html>"), "network route"],
  [text(503, "<html>503</html>"), "network route"],
];

/** What a status says by itself. */
const PLAIN: readonly [Reply, string][] = [
  [text(401, ""), "login account login"],
  [text(402, ""), "limit account billing"],
  [text(404, ""), "unknown request"],
  [text(409, ""), "unknown request"],
  [text(413, ""), "content request"],
  [text(422, ""), "content request"],
  [text(429, ""), "limit account"],
  [text(500, ""), "overload route"],
  [text(529, ""), "overload route"],
];

/** How an error event inside a stream is read: with the status that it stands for. */
const IN_STREAM: readonly [Reply, string][] = [
  [
    error(503, { code: "server_is_overloaded", type: "service_unavailable_error", message: "busy" }),
    "overload route",
  ],
  [error(503, { type: "overloaded_error", message: "Overloaded" }), "overload route"],
  [error(429, { type: "rate_limit_error", message: "Slow down" }), "limit account"],
  [error(502, { type: "authentication_error", message: "No." }), "login account"],
  [error(502, { type: "permission_error", message: "No." }), "policy account"],
  [error(400, { type: "invalid_request_error", message: "Bad." }), "content request"],
];

type Sample = readonly [Reply, string, Kind?];
const SHARED: readonly Sample[] = [...BETWEEN_SAID, ...PLAIN, ...IN_STREAM];

const CODEX: Record<keyof typeof CODEX_ERRORS, string> = {
  "error:400": "content request",
  "error:400-nested": "content request",
  "error:context-length": "content request",
  "error:encrypted-content": "content request",
  "error:401": "login account login",
  "error:400-newer-version": "version_gate model",
  "error:404-model": "version_gate model",
  "error:400-plan-model": "plan model",
  "error:403-identity": "identity account denied",
  "error:401-deactivated": "policy account denied",
  "error:402-workspace": "policy account billing",
  "error:403-workspace": "policy account denied",
  "error:403-entitlement": "plan account denied",
  "error:403-top": "policy account denied",
  "error:html403": "network route denied",
  "error:404-item": "content request",
  "error:404-previous": "content request",
  "error:429": "limit account usage",
  "error:429-no-reset": "limit account usage",
  "error:usage-not-included": "plan account denied",
  "error:rate-limit": "limit account",
  "error:500": "overload route",
  "error:502": "network route",
  "error:503": "overload route",
  "error:overloaded": "overload route",
  "error:503-slow-down": "overload route",
  "error:capacity": "overload route",
  "error:504": "overload route",
  "error:520": "network route",
  "error:521": "network route",
  "error:522": "network route",
};

const CODEX_MORE: readonly Sample[] = [
  [{ status: 404, body: { detail: "Model not found" } }, "version_gate model"],
  [
    error(404, { message: "The model `gpt-7` does not exist.", code: "model_not_found" }),
    "version_gate model",
  ],
  [
    error(404, { message: "The model `gpt-7` does not exist.", code: "model_not_found" }),
    "plan model",
    "api_key",
  ],
  [error(400, { message: "gpt-6-sol requires a newer version of Codex." }), "version_gate model", "api_key"],
  [error(400, { message: "unknown originator: kleis" }), "identity account"],
  [error(403, { message: "Your application is not authorized to use this." }), "identity account denied"],
  [
    error(401, { message: "You have insufficient permissions. Missing scopes: api.responses.write" }),
    "policy account login",
    "api_key",
  ],
  [error(401, { message: "Suspended.", code: "account_suspended" }), "policy account denied"],
  [
    error(
      429,
      { type: "usage_limit_reached" },
      { "x-codex-rate-limit-reached-type": "workspace_owner_credits_depleted" },
    ),
    "limit account billing",
  ],
  [
    error(429, { code: "insufficient_quota", message: "You exceeded your current quota." }),
    "limit account billing",
    "api_key",
  ],
  [
    error(429, { code: "project_spend_limit_exceeded", message: "Limit." }),
    "limit account billing",
    "api_key",
  ],
  [error(429, { type: "usage_limit_reached" }, { "x-codex-active-limit": "codex_x" }), "limit model usage"],
  [error(403, { code: "payment_required", message: "Pay." }), "limit account denied"],
  [text(403, "Access denied"), "network route denied"],
  [text(403, ""), "network route denied"],
  [text(403, "Access denied"), "policy account denied", "api_key"],
  [error(502, { code: "cyber_policy", message: "This was flagged." }), "content request"],
];

const CLAUDE: Record<keyof typeof CLAUDE_ERRORS, string> = {
  "error:400": "content request",
  "error:too-long": "content request",
  "error:claude-code-only": "identity account",
  "error:third-party": "metering request billing",
  "error:extra-usage": "metering request billing",
  "error:401-unsupported": "identity account login",
  "error:400-disabled": "policy account",
  "error:403-organization": "policy account denied",
  "error:401": "login account login",
  "error:401-expired": "login account login",
  "error:402": "limit account billing",
  "error:403": "policy account denied",
  "error:403-revoked": "login account denied",
  "error:404": "plan model",
  "error:409": "unknown request",
  "error:413": "content request",
  "error:429": "limit account",
  "error:429-bare": "limit account",
  "error:429-shared": "limit account usage",
  "error:429-weekly": "limit account usage",
  "error:429-model": "limit model usage",
  "error:429-fast-mode": "metering request billing",
  "error:429-api-key": "limit account",
  "error:429-spend-cap": "limit account billing",
  "error:500": "overload route",
  "error:504": "overload route",
  "error:overloaded": "overload route",
  "error:529": "overload route",
  "error:html403": "network route denied",
};

const UNIFIED = "anthropic-ratelimit-unified-";
const CLAUDE_MORE: readonly Sample[] = [
  [error(429, { type: "rate_limit_error" }, { [`${UNIFIED}slow-status`]: "slot_busy" }), "limit account"],
  [
    error(
      429,
      { type: "rate_limit_error" },
      {
        [`${UNIFIED}overage-status`]: "rejected",
        [`${UNIFIED}overage-disabled-reason`]: "out_of_credits",
      },
    ),
    "limit account billing",
  ],
  [
    error(429, { type: "rate_limit_error", details: { error_code: "credits_required" }, message: "No." }),
    "metering request billing",
  ],
  [
    error(429, { type: "rate_limit_error", details: { error_code: "enforced_spend_limit_reached" } }),
    "limit account billing",
    "api_key",
  ],
  [
    error(400, {
      type: "invalid_request_error",
      message: "Your credit balance is too low to access the Anthropic API.",
    }),
    "limit account billing",
    "api_key",
  ],
  [
    error(403, {
      type: "permission_error",
      message: "OAuth token does not meet scope requirement: user:inference",
    }),
    "login account denied",
  ],
  [
    error(400, {
      type: "invalid_request_error",
      message: "claude-opus-6 requires a newer version of Claude Code.",
    }),
    "version_gate model",
  ],
];

const COPILOT: Record<keyof typeof COPILOT_ERRORS, string> = {
  "error:400": "content request",
  "error:model-not-supported": "plan model",
  "error:unsupported-api": "content request",
  "error:prompt-too-long": "content request",
  "error:reasoning-effort": "content request",
  "error:previous-response": "content request",
  "error:vision": "policy request",
  "error:pat": "identity account",
  "error:401": "login account login",
  "error:401-json": "login account login",
  "error:402": "limit account billing",
  "error:402-free": "limit account billing",
  "error:402-overage": "limit account billing",
  "error:402-billing": "limit account billing",
  "error:403": "plan account denied",
  "error:403-policy": "policy account denied",
  "error:html403": "network route denied",
  "error:413": "content request",
  "error:413-json": "content request",
  "error:421": "network account",
  "error:422": "content request",
  "error:424": "unknown request",
  "error:466": "identity account",
  "error:499": "unknown request",
  "error:429": "limit account usage",
  "error:429-model": "limit model usage",
  "error:429-global": "limit account",
  "error:429-weekly": "limit account usage",
  "error:429-integration": "overload route",
  "error:429-agent": "overload route",
  "error:overloaded": "overload route",
  "error:500": "overload route",
  "error:502": "overload route",
  "error:503": "overload route",
};

const USED_UP = {
  "x-usage-ratelimit-session": `ent=300&rem=0&rst=${new Date(NOW + 3_600_000).toISOString()}`,
};
const COPILOT_MORE: readonly Sample[] = [
  [
    error(429, { code: "user_global_rate_limited:pro", message: "5 hour session" }, USED_UP),
    "limit account usage",
  ],
  [error(429, { code: "user_model_rate_limited", message: "No." }, USED_UP), "limit model usage"],
  [text(403, "Copilot has been disabled by your enterprise"), "policy account denied"],
  [error(400, { message: "gpt-6 requires a newer version of this client" }), "version_gate model"],
];

const from = (errors: Record<string, (now: number) => Reply>, classes: Record<string, string>) =>
  Object.entries(classes).map(([name, expected]): Sample => [errors[name]?.(NOW) ?? text(0, name), expected]);

const PROVIDERS: readonly [string, Provider, readonly Sample[]][] = [
  ["codex", codex, [...from(CODEX_ERRORS, CODEX), ...CODEX_MORE, ...SHARED]],
  ["claude", claude, [...from(CLAUDE_ERRORS, CLAUDE), ...CLAUDE_MORE, ...SHARED]],
  ["copilot", copilot, [...from(COPILOT_ERRORS, COPILOT), ...COPILOT_MORE, ...SHARED]],
];

const isCommon = (row: RefusalRow) => BETWEEN.includes(row) || REST.includes(row);

describe.each(PROVIDERS)("what %s says", (id, provider, samples) => {
  test.each(
    samples.map(
      (sample) => [JSON.stringify([sample[0].status, sample[0].body]).slice(0, 110), sample] as const,
    ),
  )("%s", (_name, [reply, expected, kind]) => {
    expect(brief(named(provider, reply, kind))).toBe(expected);
  });

  test("every row names at least one of these, and none is out of reach behind another", () => {
    const reached = new Set<string>();
    for (const [reply, , kind] of samples) {
      const { class: name, advice, scope } = named(provider, reply, kind);
      reached.add(JSON.stringify([name, scope, advice]));
    }
    const missed = provider.REFUSALS.filter((row) => !isCommon(row)).filter(
      ({ class: name, scope, advice }) => !reached.has(JSON.stringify([name, scope, advice])),
    );
    expect(missed).toEqual([]);
  });

  test("every row has a source that is there, with its date, and words for the owner where he can do something", () => {
    for (const { class: name, source, advice } of provider.REFUSALS) {
      for (const [, page = "", sections = ""] of source.matchAll(
        /providers\/(\w+\.md) ((?:§[\d.]+(?:, )?)+)/g,
      )) {
        const text = readFileSync(new URL(`../../docs/providers/${page}`, import.meta.url), "utf8");
        for (const [, section = ""] of sections.matchAll(/§([\d.]*\d)/g))
          expect(text, source).toMatch(new RegExp(`^#+ ${section.replaceAll(".", "\\.")}\\.? `, "m"));
      }
      expect(source).toMatch(
        /^(RFC \d+ §[\d.]+|providers\/\w+\.md §.*; (code|docs|reported|measured) \d{4}(-\d\d)?, (high|medium|low))$/,
      );
      const isOwners = !["overload", "content", "network"].includes(name);
      if (isOwners) expect([id, advice]).toEqual([id, expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  test("what a client reads of ours is brief, and no agent takes it for a temporary error", () => {
    for (const { class: name, advice, isTold } of provider.REFUSALS) {
      if (isTold !== true) continue;
      expect(soundsTemporary(`[Kleis: ${name}. ${advice}]`), advice ?? "").toBe(false);
      expect(advice?.length).toBeLessThan(330);
    }
  });
});

test("a model leaves an account's list where the provider does not serve it, and by no limit or word about the request", () => {
  const leaves = (name: keyof typeof CODEX_ERRORS) => refusesModel(named(codex, CODEX_ERRORS[name](NOW)));
  for (const name of ["error:404-model", "error:400-newer-version", "error:400-plan-model"] as const)
    expect([name, leaves(name)]).toEqual([name, true]);
  for (const name of [
    "error:404-item",
    "error:429",
    "error:400",
    "error:503",
    "error:403-entitlement",
  ] as const)
    expect([name, leaves(name)]).toEqual([name, false]);
  expect(refusesModel(named(claude, CLAUDE_ERRORS["error:429-model"](NOW)))).toBe(false);
});

test("only decisions about the client and the owner are final", () => {
  const final = CLASSES.filter((name) => isFinal({ class: name }));
  expect(final).toEqual(["identity", "policy"]);
  expect(Object.values(CLASS_WORDS).every((words) => /^[A-Z][^.]+$/.test(words))).toBe(true);
});

test("what a body is does not hang on its label", () => {
  expect(
    ["", " \n", "{}", "[1]", '"x"', "<p>", "\ufeff<!DOCTYPE html>", "a </body>", "Bad Request"].map(formOf),
  ).toEqual(["empty", "empty", "json", "json", "json", "page", "page", "page", "text"]);
  expect(readErrorDetails("<p>").message).toBeUndefined();
});
