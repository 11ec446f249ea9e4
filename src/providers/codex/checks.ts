/** What OpenAI can be asked about its facts with an owner's account (providers/codex.md). */
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { isKnownEffort } from "../efforts.ts";
import {
  ABOUT,
  agrees,
  type Blame,
  type CheckContext,
  type CheckResponse,
  cacheCheck,
  contentBlame,
  counted,
  differs,
  effortCheck,
  firstOf,
  headersJudged,
  highestEffort,
  idsOf,
  imageCheck,
  isGone,
  type LiveCheck,
  listJudged,
  longText,
  madeUpToken,
  type Observation,
  oauthCode,
  pathJudged,
  RED_PNG,
  requestJudged,
  rowsOf,
  saidOf,
  unclear,
} from "../live-check.ts";
import { isPlanModel, modelLimits } from "./model-access.ts";
import { modelList } from "./model-list.ts";
import {
  CACHED_TOKENS,
  IMAGE_PART,
  KEY_CHECK_PATH,
  LIMIT_HEADERS,
  MODELS,
  NEWEST_VERSION,
  SECRET_SHAPES,
  SIGN_IN,
  USAGE_PATH,
} from "./profile.ts";
import { authorizeAddress } from "./sign-in.ts";
import { tokenServer } from "./sign-in-tokens.ts";

const signIn: LiveCheck = {
  id: "sign-in",
  title: "Sign-in page, token and device endpoints",
  kinds: ["oauth"],
  cost: { requests: 3, tokens: 0 },
  async *steps({ config, nonce }) {
    const { url } = await authorizeAddress({ state: nonce, config });
    const page = yield {
      method: "GET",
      url,
      headers: new Headers({ accept: "text/html", "user-agent": USER_AGENT }),
    };
    const fields = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: madeUpToken(SECRET_SHAPES, nonce),
      client_id: config.CODEX_CLIENT_ID,
    });
    const token = yield {
      method: "POST",
      url: tokenServer(config).tokenUrl,
      headers: headersFor("application/x-www-form-urlencoded"),
      body: fields.toString(),
    };
    const device = yield {
      method: "POST",
      url: config.CODEX_AUTH_URL + SIGN_IN.device.userCodePath,
      headers: headersFor("application/json"),
      body: JSON.stringify({ client_id: config.CODEX_CLIENT_ID }),
    };
    return [...pageJudged(page), ...tokenJudged(token), deviceJudged(device)];
  },
};

function headersFor(type: string): Headers {
  return new Headers({ accept: "application/json", "content-type": type, "user-agent": USER_AGENT });
}

/** The page is for browsers: protection in front of it refuses programs, which tells nothing. */
function pageJudged(response: CheckResponse): Observation[] {
  const facts = ["issuer", "authorize-fields"];
  if (response.status >= 200 && response.status < 400)
    return facts.map((fact) => agrees(fact, saidOf(response)));
  if (response.status === 400)
    return [unclear("issuer", "answers"), differs("authorize-fields", saidOf(response))];
  const isMissing = response.status === 404 || response.status === 410;
  return [
    isMissing ? differs("issuer", saidOf(response)) : unclear("issuer", saidOf(response)),
    unclear("authorize-fields", saidOf(response)),
  ];
}

function tokenJudged(response: CheckResponse): Observation[] {
  const facts = ["sign-in-paths", "client-id"] as const;
  const code = oauthCode(response);
  if (SIGN_IN.dead.has(code))
    return facts.map((fact) => agrees(fact, "refuses a made-up token, as it should"));
  if (isGone(response))
    return [differs("sign-in-paths", saidOf(response)), unclear("client-id", saidOf(response))];
  if (code === "invalid_client" || code === "unauthorized_client")
    return [agrees("sign-in-paths", saidOf(response)), differs("client-id", saidOf(response))];
  return facts.map((fact) => unclear(fact, saidOf(response)));
}

/** 404 is also what an account gets that has not enabled it; without one there is nothing to tell the two apart. */
function deviceJudged(response: CheckResponse): Observation {
  const isStarted = response.json.device_auth_id !== undefined;
  if (response.status === 404) return unclear("device-paths", "404: not there, or not enabled");
  return pathJudged("device-paths", response, isStarted, "gives a code");
}

const models: LiveCheck = {
  id: "models",
  title: "List of models by version, their limits and efforts",
  kinds: ["oauth"],
  cost: { requests: 2, tokens: 0 },
  async *steps({ account, credential, config }) {
    const own = yield { method: "GET", ...modelList.request(account, credential, config) };
    const newest = yield { method: "GET", ...modelList.request(account, credential, config, NEWEST_VERSION) };
    const rows = usable(own);
    const path = pathJudged(
      "models-path",
      own,
      Array.isArray(own.json.models),
      counted(rows.length, "model"),
    );
    const all = usable(newest);
    return [path, versionJudged(rows, all, newest), ...listsJudged(all.length > 0 ? all : rows)];
  },
};

function usable({ json }: CheckResponse): JsonObject[] {
  return rowsOf(json.models).filter((row) => row.visibility !== "hide" && row.supported_in_api === true);
}

function versionJudged(
  own: readonly JsonObject[],
  all: readonly JsonObject[],
  response: CheckResponse,
): Observation {
  if (response.status !== 200) return unclear("client-version", saidOf(response));
  const known = new Set(idsOf(own, "slug"));
  const hidden = idsOf(all, "slug").filter((id) => !known.has(id));
  if (hidden.length === 0) return agrees("client-version", "a newer version is shown no more models");
  return differs("client-version", `a newer version is also shown ${firstOf(hidden)}`, newVersion(all));
}

/** The version that the hidden models ask for, where the list says so. */
function newVersion(rows: readonly JsonObject[]): string {
  const needed = idsOf(rows, "minimal_client_version").filter((version) => /^\d+\.\d+\.\d+$/.test(version));
  const [highest] = needed.toSorted((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const version = highest === undefined ? "the version of the newest Codex CLI" : `${highest} or newer`;
  return `Set CODEX_CLIENT_VERSION to ${version}.`;
}

function listsJudged(rows: readonly JsonObject[]): Observation[] {
  const ids = idsOf(rows, "slug");
  const gated = ids.filter((id) => !isPlanModel(id.toLowerCase()));
  const efforts = new Set(rows.flatMap((row) => idsOf(rowsOf(row.supported_reasoning_levels), "effort")));
  const unknown = [...efforts].filter((name) => !isKnownEffort(name));
  return [
    listJudged(
      "plan-models",
      gated,
      ids.length,
      "Change PLAN_ACCESS in profile.ts; until then ask for them as codex/<id>.",
    ),
    limitsJudged(rows),
    listJudged("efforts", unknown, efforts.size, "Add them to efforts.ts."),
  ];
}

/** Input tokens by the list, against the profile's. */
function limitsJudged(rows: readonly JsonObject[]): Observation {
  const pairs = rows.flatMap(({ slug, context_window: max }) => {
    const own = typeof slug === "string" ? ownInput(slug) : undefined;
    return own === undefined || typeof max !== "number" ? [] : [{ slug, own, max }];
  });
  if (pairs.length === 0) return unclear("plan-limits", "the list names no limit");
  const wrong = pairs.filter(({ own, max }) => own !== max);
  if (wrong.length === 0) return agrees("plan-limits", counted(pairs.length, "model"));
  const words = wrong.map(({ slug, own, max }) => `${slug}: ${max} instead of ${own}`);
  return differs(
    "plan-limits",
    firstOf(words, 3),
    "Kleis goes by the list while it has one; else change PLAN_LIMITS in profile.ts.",
  );
}

/** What the profile says of a model that nothing else describes; undefined where it says nothing. */
function ownInput(id: string): number | undefined {
  const { unknown } = MODELS;
  const limit = { context: Number.MAX_SAFE_INTEGER, output: Number.MAX_SAFE_INTEGER };
  const model = {
    id,
    name: id,
    reasoning: true,
    tool_call: true,
    release_date: unknown.release,
    modalities: { input: [], output: [] },
    limit,
  };
  return modelLimits(model, "oauth").input;
}

const apiModels: LiveCheck = {
  id: "api-models",
  title: "List of models of OpenAI's API",
  kinds: ["api_key"],
  cost: { requests: 1, tokens: 0 },
  async *steps({ credential, config }) {
    const response = yield {
      method: "GET",
      url: config.OPENAI_API_URL + KEY_CHECK_PATH,
      headers: new Headers({
        accept: "application/json",
        authorization: `Bearer ${credential.token}`,
        "user-agent": USER_AGENT,
      }),
    };
    const rows = rowsOf(response.json.data);
    return [pathJudged("key-check-path", response, rows.length > 0, counted(rows.length, "model"))];
  },
};

const usage: LiveCheck = {
  id: "usage",
  title: "Usage endpoint",
  kinds: ["oauth"],
  cost: { requests: 1, tokens: 0 },
  async *steps({ account, credential, config }) {
    const response = yield {
      method: "GET",
      url: config.CODEX_API_URL + USAGE_PATH,
      headers: modelList.request(account, credential, config).headers,
    };
    return [pathJudged("usage-path", response, "rate_limit" in response.json, "answers")];
  },
};

/** A request to either backend, judged by what it rests on. */
function responseJudged(
  { account }: CheckContext,
  response: CheckResponse,
  ok: boolean,
  facts: readonly string[],
): Observation[] {
  const base = account.kind === "oauth" ? ["responses-path", "originator"] : ["public-paths"];
  const blame: Blame = {
    ...contentBlame(response, ABOUT.field, facts),
    identity: ["originator"],
    version_gate: ["originator"],
    unknown: isGone(response) ? base.slice(0, 1) : [],
  };
  return requestJudged([...base, ...facts], response, ok, blame);
}

/** The items of a response; the last event of a plan's stream may leave them out. */
function outputOf({ status, json, events }: CheckResponse): JsonObject[] {
  if (status !== 200) return [];
  const done = events.flatMap(({ type, item }) =>
    type === "response.output_item.done" ? [item ?? null] : [],
  );
  return [...rowsOf(json.output), ...rowsOf(done)];
}

const toolCall: LiveCheck = {
  id: "tool-call",
  title: "A tool call, and the headers that come with it",
  kinds: ["oauth", "api_key"],
  cost: { requests: 1, tokens: 500 },
  model: { operation: "responses" },
  async *steps(context) {
    const name = "current_time";
    const parameters = { type: "object", properties: {}, additionalProperties: false };
    const response = yield {
      operation: "responses",
      body: {
        ...spoken(context.model, [{ type: "input_text", text: "What time is it?" }]),
        tools: [{ type: "function", name, description: "Tells the time.", parameters, strict: false }],
        tool_choice: { type: "function", name },
      },
    };
    const isCalled = outputOf(response).some((item) => item.type === "function_call" && item.name === name);
    const isPlan = context.account.kind === "oauth";
    const headers = isPlan ? LIMIT_HEADERS.plan : LIMIT_HEADERS.api;
    return [
      ...responseJudged(context, response, isCalled, isPlan ? ["accepted-fields"] : []),
      headersJudged("limit-headers", response, headers),
    ];
  },
};

const cache = cacheCheck({
  kinds: ["oauth", "api_key"],
  operation: "responses",
  tokens: 6_500,
  cachedTokens: CACHED_TOKENS,
  turns({ model, nonce }) {
    const question = said("user", [{ type: "input_text", text: "Reply with the word OK." }]);
    const turn = (input: JsonObject[]) => ({
      ...bodyOf(model, input),
      instructions: longText(nonce, 3_000),
      prompt_cache_key: nonce,
    });
    return [
      turn([question]),
      turn([
        question,
        said("assistant", [{ type: "output_text", text: "OK" }]),
        said("user", [{ type: "input_text", text: "Once more." }]),
      ]),
    ];
  },
});

const isComplete = (response: CheckResponse) => outputOf(response).length > 0;

const image = imageCheck({
  kinds: ["oauth", "api_key"],
  fact: "image-input",
  operation: "responses",
  tokens: 400,
  body: ({ model }) =>
    spoken(model, [
      { type: IMAGE_PART, image_url: `data:image/png;base64,${RED_PNG}` },
      { type: "input_text", text: "Which colour is this? One word." },
    ]),
  isComplete,
});

const effort = effortCheck({
  kinds: ["oauth", "api_key"],
  fact: "efforts",
  operation: "responses",
  tokens: 600,
  body: (context) => ({
    ...spoken(context.model, [{ type: "input_text", text: "Reply with the word OK." }]),
    reasoning: { effort: highestEffort(context) },
  }),
  isComplete,
});

function said(role: string, content: JsonObject[]): JsonObject {
  return { type: "message", role, content };
}

function spoken(model: string, content: JsonObject[]): JsonObject {
  return bodyOf(model, [said("user", content)]);
}

/** Streamed, as agents ask; a plan's backend does nothing else. */
function bodyOf(model: string, input: JsonObject[]): JsonObject {
  return {
    model,
    input,
    instructions: "You answer in one word.",
    max_output_tokens: 512,
    store: false,
    stream: true,
  };
}

export const CHECKS: readonly LiveCheck[] = [
  signIn,
  models,
  apiModels,
  usage,
  toolCall,
  image,
  effort,
  cache,
];
