/** What GitHub Copilot can be asked about its facts with an owner's account (providers/copilot.md). */
import { type JsonObject, text } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { isKnownEffort } from "../efforts.ts";
import {
  agrees,
  at,
  type Blame,
  type CheckResponse,
  cacheCheck,
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
  type Observation,
  oauthCode,
  pathJudged,
  RED_PNG,
  requestJudged,
  rowsOf,
  saidOf,
  unclear,
} from "../live-check.ts";
import { operationsOf } from "./endpoints.ts";
import { apiBase, discoveredApi, githubOf } from "./host.ts";
import { modelList } from "./model-list.ts";
import {
  CACHED_TOKENS,
  ENDPOINT_OPERATIONS,
  FAMILIES,
  HEADERS,
  LIMIT_HEADERS,
  NOT_LANGUAGE,
  PLANS,
  SIGN_IN,
} from "./profile.ts";
import { githubHeaders } from "./sign-in-account.ts";

const signIn: LiveCheck = {
  id: "sign-in",
  title: "Device sign-in",
  kinds: ["oauth"],
  cost: { requests: 1, tokens: 0 },
  async *steps({ account, config }) {
    const { web } = githubOf(account.metadata, config);
    const response = yield {
      method: "POST",
      url: web + SIGN_IN.deviceCodePath,
      headers: new Headers({
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": USER_AGENT,
      }),
      body: new URLSearchParams({ client_id: config.COPILOT_CLIENT_ID, scope: SIGN_IN.scope }).toString(),
    };
    return deviceJudged(response);
  },
};

/** GitHub reports errors with status 200, and an unknown app with 404. */
function deviceJudged(response: CheckResponse): Observation[] {
  const facts = ["sign-in-paths", "client-id", "scope"];
  if (text(response.json.device_code) !== undefined) return facts.map((fact) => agrees(fact, "gives a code"));
  const code = oauthCode(response);
  if (response.status === 404 || code === "incorrect_client_credentials" || code === "device_flow_disabled") {
    const said = code === "" ? saidOf(response) : code;
    const advice = "Set COPILOT_CLIENT_ID to an app that allows the device flow.";
    return [unclear("sign-in-paths", said), differs("client-id", said, advice), unclear("scope", said)];
  }
  if (code === "invalid_scope")
    return [agrees("sign-in-paths", code), unclear("client-id", code), differs("scope", code)];
  const path = isGone(response)
    ? differs("sign-in-paths", saidOf(response))
    : unclear("sign-in-paths", saidOf(response));
  return [path, unclear("client-id", saidOf(response)), unclear("scope", saidOf(response))];
}

const account: LiveCheck = {
  id: "account",
  title: "Account, plan and API host",
  kinds: ["oauth"],
  cost: { requests: 2, tokens: 0 },
  async *steps({ account, credential, config }) {
    const { api, domain } = githubOf(account.metadata, config);
    const user = yield {
      method: "GET",
      url: api + SIGN_IN.userPath,
      headers: githubHeaders(credential.token),
    };
    const headers = githubHeaders(credential.token);
    headers.set(HEADERS.apiVersion, SIGN_IN.discoveryVersion);
    const plan = yield { method: "GET", url: api + SIGN_IN.discoveryPath, headers };
    const named = text(at(plan.json, "endpoints", "api"));
    return [
      pathJudged("user-path", user, typeof user.json.id === "number", "answers"),
      pathJudged("discovery-path", plan, named !== undefined, "names a host"),
      ...(named === undefined ? [] : [hostJudged(named, domain)]),
      planJudged(text(plan.json.copilot_plan)),
    ];
  },
};

function hostJudged(named: string, domain: string | null): Observation {
  const host = URL.canParse(named) ? new URL(named).host : "no address";
  return discoveredApi(named, domain) !== null
    ? agrees("api-host", host)
    : differs("api-host", host, "Set COPILOT_API_URL to it if it is GitHub's.");
}

function planJudged(plan: string | undefined): Observation {
  if (plan === undefined) return unclear("plans", "no plan is named");
  return PLANS.has(plan) ? agrees("plans", plan) : differs("plans", plan, "Add it to PLANS in profile.ts.");
}

const models: LiveCheck = {
  id: "models",
  title: "List of models, their endpoints, limits and efforts",
  kinds: ["oauth"],
  cost: { requests: 1, tokens: 0 },
  async *steps({ account, credential, config }) {
    const response = yield { method: "GET", ...modelList.request(account, credential, config) };
    const decoded = modelList.decode(response.json);
    const listed = pathJudged(
      "models-path",
      response,
      decoded !== null,
      counted(decoded?.length ?? 0, "model"),
    );
    const host = new URL(apiBase(account, config)).host;
    const served =
      response.status === 421
        ? differs("api-address", `${host} does not serve this account`)
        : agrees("api-address", host);
    if (decoded === null)
      return [listed, response.status === 200 || response.status === 421 ? served : versionJudged(response)];
    const rows = rowsOf(response.json.data).filter(
      (row) => (text(at(row, "capabilities", "type")) ?? "chat") === "chat" && text(row.id) !== undefined,
    );
    return [listed, served, agrees("api-version", "accepted"), ...rowsJudged(rows)];
  },
};

/** Without a list the version may be why. */
function versionJudged(response: CheckResponse): Observation {
  return /version/i.test(response.words)
    ? differs("api-version", saidOf(response), "Change API_VERSION in profile.ts.")
    : unclear("api-version", saidOf(response));
}

function rowsJudged(rows: readonly JsonObject[]): Observation[] {
  const ids = idsOf(rows, "id");
  const strange = ids.filter((id) => !FAMILIES.test(id) && !NOT_LANGUAGE.test(id));
  const known = new Set(ENDPOINT_OPERATIONS.map(({ endpoint }) => endpoint));
  const endpoints = new Set(rows.flatMap((row) => listOf(row.supported_endpoints)));
  const unknown = [...endpoints].filter((endpoint) => !known.has(endpoint) && !endpoint.startsWith("ws:"));
  const efforts = new Set(
    rows.flatMap((row) => listOf(at(row, "capabilities", "supports", "reasoning_effort"))),
  );
  return [
    listJudged(
      "families",
      strange,
      ids.length,
      "Add them to FAMILIES in profile.ts; until then ask for copilot/<id>.",
    ),
    listJudged(
      "endpoints",
      unknown,
      endpoints.size,
      "Kleis does not speak them; report it if a model is missing.",
    ),
    operationsJudged(rows),
    listJudged(
      "efforts",
      [...efforts].filter((name) => !isKnownEffort(name)),
      efforts.size,
      "Add them to efforts.ts.",
    ),
  ];
}

/** Where Kleis's guess would send a model to an endpoint that the list does not name for it. */
function operationsJudged(rows: readonly JsonObject[]): Observation {
  const guessed = rows.flatMap((row) => {
    const endpoints = listOf(row.supported_endpoints);
    const id = text(row.id) ?? "";
    const [best] = operationsOf(id);
    const listed = ENDPOINT_OPERATIONS.flatMap(({ endpoint, operations }) =>
      endpoints.includes(endpoint) ? operations : [],
    );
    return listed.length === 0 || best === undefined || listed.includes(best)
      ? []
      : [`${id} ${listed.join("+")}`];
  });
  if (rows.length === 0) return unclear("operations", "nothing is listed");
  return guessed.length === 0
    ? agrees("operations", counted(rows.length, "model"))
    : differs(
        "operations",
        firstOf(guessed),
        "Kleis goes by the list while it has one; else change OPERATIONS in profile.ts.",
      );
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** What every completion rests on, and what a refusal blames. */
const BASE = ["paths", "intent"];
function completionJudged(response: CheckResponse, ok: boolean): Observation[] {
  const blame: Blame = { unknown: isGone(response) ? ["paths"] : [] };
  return requestJudged(BASE, response, ok, blame);
}

const isComplete = ({ status, json }: CheckResponse) => status === 200 && rowsOf(json.choices).length > 0;

const toolCall: LiveCheck = {
  id: "tool-call",
  title: "A tool call, and the headers that come with it",
  kinds: ["oauth"],
  cost: { requests: 1, tokens: 300 },
  model: { operation: "chat" },
  async *steps({ model }) {
    const name = "current_time";
    const parameters = { type: "object", properties: {} };
    const response = yield {
      operation: "chat",
      body: {
        model,
        max_tokens: 128,
        messages: [{ role: "user", content: "What time is it?" }],
        tools: [{ type: "function", function: { name, description: "Tells the time.", parameters } }],
        tool_choice: { type: "function", function: { name } },
      },
    };
    const calls = rowsOf(response.json.choices).flatMap((choice) =>
      rowsOf(at(choice, "message", "tool_calls")),
    );
    const isCalled = calls.some((call) => at(call, "function", "name") === name);
    return [
      ...completionJudged(response, response.status === 200 && isCalled),
      headersJudged("limit-headers", response, LIMIT_HEADERS),
    ];
  },
};

const cache = cacheCheck({
  kinds: ["oauth"],
  operation: "chat",
  tokens: 6_500,
  cachedTokens: CACHED_TOKENS,
  turns({ model, nonce }) {
    const system = { role: "system", content: longText(nonce, 3_000) };
    const question = { role: "user", content: "Reply with the word OK." };
    const bodyOf = (...messages: JsonObject[]) => ({
      model,
      max_tokens: 16,
      messages: [system, ...messages],
    });
    return [
      bodyOf(question),
      bodyOf(question, { role: "assistant", content: "OK" }, { role: "user", content: "Once more." }),
    ];
  },
});

const image = imageCheck({
  kinds: ["oauth"],
  fact: "vision-header",
  operation: "chat",
  tokens: 400,
  body({ model }) {
    const url = `data:image/png;base64,${RED_PNG}`;
    const content = [
      { type: "image_url", image_url: { url } },
      { type: "text", text: "Which colour is this? One word." },
    ];
    return { model, max_tokens: 16, messages: [{ role: "user", content }] };
  },
  isComplete,
});

const effort = effortCheck({
  kinds: ["oauth"],
  fact: "efforts",
  operation: "responses",
  tokens: 600,
  body: (context) => ({
    model: context.model,
    max_output_tokens: 512,
    reasoning: { effort: highestEffort(context) },
    input: [{ role: "user", content: [{ type: "input_text", text: "Reply with the word OK." }] }],
  }),
  isComplete: ({ status, json }) => status === 200 && rowsOf(json.output).length > 0,
});

const countTokens: LiveCheck = {
  id: "count-tokens",
  title: "Counting tokens",
  kinds: ["oauth"],
  cost: { requests: 1, tokens: 0 },
  model: { operation: "count_tokens" },
  async *steps({ model }) {
    const response = yield {
      operation: "count_tokens",
      body: { model, messages: [{ role: "user", content: "Hello." }] },
    };
    return [pathJudged("count-path", response, typeof response.json.input_tokens === "number", "answers")];
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
