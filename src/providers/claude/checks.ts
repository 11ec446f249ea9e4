/** What Anthropic can be asked about its facts with an owner's account (providers/claude.md). */
import type { JsonObject } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { isKnownEffort } from "../efforts.ts";
import {
  ABOUT,
  agrees,
  at,
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
import { planAgent } from "./headers.ts";
import { PROFILE } from "./profile.ts";
import { authorizeAddress } from "./sign-in.ts";
import { bearer } from "./sign-in-account.ts";
import { tokenServer } from "./sign-in-tokens.ts";

const NEW_AGENT =
  "Set CLAUDE_USER_AGENT to the user-agent that the newest Claude Code sends, or to nothing for Kleis's own name.";

/** What each request of a plan rests on, and which of that a refusal blames. */
const PLAN_FACTS = ["user-agent", "identity", "oauth-beta", "betas", "beta-query"];
const BLAME: Blame = {
  identity: ["user-agent"],
  login: ["oauth-beta"],
  version_gate: ["user-agent"],
};

/** A request for messages, judged by what is true of the kind of account that asked. */
function messageJudged(
  { account, config }: CheckContext,
  response: CheckResponse,
  ok: boolean,
  facts: readonly string[],
): Observation[] {
  const plan = account.kind === "oauth" ? PLAN_FACTS : ["version"];
  const blame: Blame = { ...BLAME, ...contentBlame(response, ABOUT.tool, facts) };
  return requestJudged([...plan, ...facts], response, ok, blame).map((seen) =>
    seen.fact === "user-agent" && seen.verdict === "differs"
      ? { ...seen, theirs: `${planAgent(config)} got ${seen.theirs}`, advice: NEW_AGENT }
      : seen,
  );
}

const isComplete = ({ status, json }: CheckResponse) => status === 200 && rowsOf(json.content).length > 0;

const signIn: LiveCheck = {
  id: "sign-in",
  title: "Sign-in page and token endpoint",
  kinds: ["oauth"],
  cost: { requests: 2, tokens: 0 },
  origins: (config) =>
    [config.CLAUDE_AUTHORIZE_URL, config.CLAUDE_TOKEN_URL].map((url) => new URL(url).origin),
  async *steps({ config, nonce }) {
    const { url } = await authorizeAddress({ mode: "max", state: nonce, config });
    const page = yield {
      method: "GET",
      url,
      headers: new Headers({ accept: "text/html", "user-agent": USER_AGENT }),
    };
    const { tokenUrl, clientId, headers = {}, encode } = tokenServer(config);
    const fields = {
      grant_type: "refresh_token",
      refresh_token: madeUpToken(PROFILE.secretShapes, nonce),
      client_id: clientId,
    };
    const sent = encode?.(new URLSearchParams(fields));
    const token = yield {
      method: "POST",
      url: tokenUrl,
      headers: new Headers({
        ...headers,
        accept: "application/json",
        "content-type": sent?.type ?? "application/json",
        "user-agent": USER_AGENT,
      }),
      body: sent?.body ?? JSON.stringify(fields),
    };
    return [pageJudged(page), ...tokenJudged(token)];
  },
};

/** The page is for browsers: protection in front of it refuses programs, which tells nothing. */
function pageJudged(response: CheckResponse): Observation {
  if (response.status >= 200 && response.status < 400) return agrees("authorize-address", saidOf(response));
  const isWrong = response.status === 404 || response.status === 410 || response.status === 400;
  return isWrong
    ? differs("authorize-address", saidOf(response))
    : unclear("authorize-address", saidOf(response));
}

function tokenJudged(response: CheckResponse): Observation[] {
  const code = oauthCode(response);
  const facts = ["token-address", "client-id"] as const;
  if (code === "invalid_grant")
    return facts.map((fact) => agrees(fact, "refuses a made-up token, as it should"));
  if (isGone(response))
    return [differs("token-address", saidOf(response)), unclear("client-id", saidOf(response))];
  if (code === "invalid_client" || code === "unauthorized_client")
    return [agrees("token-address", saidOf(response)), differs("client-id", saidOf(response))];
  return facts.map((fact) => unclear(fact, saidOf(response)));
}

const account: LiveCheck = {
  id: "account",
  title: "Account and usage endpoints",
  kinds: ["oauth"],
  cost: { requests: 2, tokens: 0 },
  async *steps({ config, credential }) {
    const get = (path: string) =>
      ({
        method: "GET",
        url: config.CLAUDE_API_URL + path,
        headers: bearer(credential.token),
      }) as const;
    const profile = yield get(PROFILE.signIn.profilePath);
    const usage = yield get(PROFILE.usagePath);
    return [
      pathJudged("profile-path", profile, at(profile.json, "account", "uuid") !== undefined, "answers"),
      pathJudged("usage-path", usage, "five_hour" in usage.json, "answers"),
    ];
  },
};

const models: LiveCheck = {
  id: "models",
  title: "List of models, their limits and efforts",
  kinds: ["oauth", "api_key"],
  cost: { requests: 1, tokens: 0 },
  async *steps({ account, credential, config, models: ours }) {
    const key = new Headers({
      accept: "application/json",
      [PROFILE.headers.version]: PROFILE.defaultVersion,
      [PROFILE.headers.apiKey]: credential.token,
      "user-agent": USER_AGENT,
    });
    const response = yield {
      method: "GET",
      url: `${config.CLAUDE_API_URL}${PROFILE.models.path}?limit=${PROFILE.models.perPage}`,
      headers: account.kind === "oauth" ? bearer(credential.token) : key,
    };
    const rows = rowsOf(response.json.data);
    const ids = idsOf(rows, "id");
    const listed = pathJudged("models-path", response, ids.length > 0, counted(ids.length, "model"));
    if (ids.length === 0) return [listed];
    const strange = ids.filter((id) => !PROFILE.models.family.test(id));
    return [
      listed,
      listJudged("model-family", strange, ids.length, "Change models.family in profile.ts."),
      limitsJudged(rows, ours),
      effortsJudged(rows),
    ];
  },
};

/** What the list says of input limits, against what Kleis tells agents. */
function limitsJudged(rows: readonly JsonObject[], ours: CheckContext["models"]): Observation {
  const known = new Map(ours.map(({ id, limit }) => [id, limit.input ?? limit.context]));
  const pairs = rows.flatMap(({ id, max_input_tokens: max }) => {
    const own = typeof id === "string" ? known.get(id) : undefined;
    return own === undefined || typeof max !== "number" ? [] : [{ id, own, max }];
  });
  if (pairs.length === 0) return unclear("limits", "the list names no limit of a known model");
  // A list that says less than the whole is what clients must not exceed.
  const wrong = pairs.filter(({ own, max }) => own > max);
  if (wrong.length === 0) return agrees("limits", counted(pairs.length, "model"));
  const words = wrong.map(({ id, own, max }) => `${id}: ${max} instead of ${own}`);
  return differs(
    "limits",
    firstOf(words, 3),
    "Press Look again on the page of models; else set MODELS_DEV_URL.",
  );
}

function effortsJudged(rows: readonly JsonObject[]): Observation {
  const all = new Set(
    rows.flatMap((row) => {
      const effort = at(row, "capabilities", "effort");
      return Object.entries(effort !== null && typeof effort === "object" ? effort : {}).flatMap(
        ([name, value]) => (at(value, "supported") === true ? [name] : []),
      );
    }),
  );
  const unknown = [...all].filter((name) => !isKnownEffort(name));
  return listJudged("efforts", unknown, all.size, "Add them to efforts.ts.");
}

const toolCall: LiveCheck = {
  id: "tool-call",
  title: "A tool call, and the headers that come with it",
  kinds: ["oauth", "api_key"],
  cost: { requests: 1, tokens: 900 },
  model: { operation: "messages" },
  async *steps(context) {
    const name = "current_time";
    const response = yield {
      operation: "messages",
      body: {
        model: context.model,
        max_tokens: 128,
        tools: [{ name, description: "Tells the time.", input_schema: { type: "object", properties: {} } }],
        tool_choice: { type: "tool", name },
        messages: [{ role: "user", content: "What time is it?" }],
      },
    };
    const isPlan = context.account.kind === "oauth";
    const sent = isPlan ? PROFILE.tools.prefix + name : name;
    const isCalled = rowsOf(response.json.content).some(
      (block) => block.type === "tool_use" && block.name === sent,
    );
    return [
      ...messageJudged(context, response, response.status === 200 && isCalled, isPlan ? ["tool-prefix"] : []),
      headersJudged("limit-headers", response, PROFILE.limitHeaders),
    ];
  },
};

const cache = cacheCheck({
  kinds: ["oauth", "api_key"],
  operation: "messages",
  tokens: 11_000,
  cachedTokens: PROFILE.cachedTokens,
  turns({ model, nonce }) {
    const system = [{ type: "text", text: longText(nonce, 5_000), cache_control: { type: "ephemeral" } }];
    const question = { role: "user", content: "Reply with the word OK." };
    const bodyOf = (messages: JsonObject[]) => ({ model, max_tokens: 16, system, messages });
    return [
      bodyOf([question]),
      bodyOf([question, { role: "assistant", content: "OK" }, { role: "user", content: "Once more." }]),
    ];
  },
});

const image = imageCheck({
  kinds: ["oauth", "api_key"],
  fact: "image-input",
  operation: "messages",
  tokens: 300,
  body({ model }) {
    const source = { type: "base64", media_type: "image/png", data: RED_PNG };
    const content = [
      { type: "image", source },
      { type: "text", text: "Which colour is this? One word." },
    ];
    return { model, max_tokens: 16, messages: [{ role: "user", content }] };
  },
  isComplete,
});

const effort = effortCheck({
  kinds: ["oauth", "api_key"],
  fact: "efforts",
  operation: "messages",
  tokens: 400,
  body: (context) => ({
    model: context.model,
    max_tokens: 64,
    output_config: { effort: highestEffort(context) },
    messages: [{ role: "user", content: "Reply with the word OK." }],
  }),
  isComplete,
});

const countTokens: LiveCheck = {
  id: "count-tokens",
  title: "Counting tokens",
  kinds: ["oauth", "api_key"],
  cost: { requests: 1, tokens: 0 },
  model: { operation: "count_tokens" },
  async *steps({ model }) {
    const response = yield {
      operation: "count_tokens",
      body: { model, messages: [{ role: "user", content: "Hello." }] },
    };
    return [
      pathJudged("paths", response, typeof response.json.input_tokens === "number", "count_tokens answers"),
    ];
  },
};

export const CHECKS: readonly LiveCheck[] = [
  signIn,
  account,
  models,
  countTokens,
  toolCall,
  image,
  effort,
  cache,
];
