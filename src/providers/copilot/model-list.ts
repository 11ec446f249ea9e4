/** The list of models that Copilot keeps for an account: endpoints, limits, policy (providers/copilot.md §3.6). */
import * as z from "zod/mini";
import type { Operation } from "../../protocols/protocol.ts";
import { USER_AGENT } from "../../version.ts";
import { effortOptions } from "../efforts.ts";
import type { ListedModel, ModelList } from "../provider.ts";
import { apiBase } from "./host.ts";
import {
  API_VERSION,
  DEFAULT_ENDPOINTS,
  ENDPOINT_OPERATIONS,
  HEADERS,
  MODELS_PATH,
  NOT_LANGUAGE,
  UNKNOWN_RELEASE,
} from "./profile.ts";

export const modelList: ModelList = {
  kinds: ["oauth"],
  request: (account, credential, config) => ({
    url: apiBase(account, config) + MODELS_PATH,
    headers: new Headers({
      accept: "application/json",
      "accept-encoding": "identity",
      authorization: `Bearer ${credential.token}`,
      "user-agent": USER_AGENT,
      [HEADERS.apiVersion]: API_VERSION,
    }),
  }),
  decode(body) {
    const list = z.object({ data: z.array(z.unknown()) }).safeParse(body);
    if (!list.success) return null;
    const models = new Map<string, ListedModel>();
    let isReadable = false;
    for (const value of list.data.data) {
      // Real lists hold odd rows, and the same id twice: the first one wins.
      const row = rowSchema.safeParse(value);
      if (!row.success) continue;
      isReadable = true;
      const model = models.has(row.data.id) ? null : modelOf(row.data);
      if (model !== null) models.set(model.id, model);
    }
    return isReadable ? [...models.values()] : null;
  },
};

const tokens = z.number().check(z.positive());

/** All that a model is judged by: a row without both limits or without a word about tools is none for agents. */
const rowSchema = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(256)),
  name: z.optional(z.string().check(z.minLength(1))),
  model_picker_enabled: z.optional(z.boolean()),
  policy: z.nullish(z.object({ state: z.optional(z.string()) })),
  capabilities: z.object({
    type: z.optional(z.string()),
    limits: z.object({
      max_context_window_tokens: z.optional(tokens),
      max_prompt_tokens: tokens,
      max_output_tokens: tokens,
    }),
    supports: z.object({
      tool_calls: z.literal(true),
      vision: z.nullish(z.boolean()),
      reasoning_effort: z.nullish(z.array(z.string())),
      adaptive_thinking: z.nullish(z.boolean()),
      max_thinking_budget: z.nullish(z.number()),
    }),
  }),
  supported_endpoints: z.nullish(z.array(z.string())),
});
type Row = z.output<typeof rowSchema>;

function modelOf(row: Row): ListedModel | null {
  const { limits, supports, type = "chat" } = row.capabilities;
  if (type !== "chat" || NOT_LANGUAGE.test(row.id)) return null;
  if (row.policy?.state === "disabled" || row.model_picker_enabled === false) return null;
  const operations = operationsOf(row.supported_endpoints ?? DEFAULT_ENDPOINTS);
  if (operations.length === 0) return null;
  const limit = {
    context: limits.max_context_window_tokens ?? limits.max_prompt_tokens + limits.max_output_tokens,
    input: limits.max_prompt_tokens,
    output: limits.max_output_tokens,
  };
  const efforts = supports.reasoning_effort ?? [];
  const reasoning =
    efforts.length > 0 || supports.adaptive_thinking === true || !!supports.max_thinking_budget;
  return {
    id: row.id,
    operations,
    limit,
    model: {
      id: row.id,
      name: row.name ?? row.id,
      attachment: supports.vision ?? false,
      reasoning,
      ...effortOptions(efforts),
      tool_call: true,
      release_date: UNKNOWN_RELEASE,
      modalities: { input: supports.vision ? ["text", "image"] : ["text"], output: ["text"] },
      limit,
    },
  };
}

/** Endpoints as operations, best first; those that Kleis does not speak (websockets) fall away. */
function operationsOf(endpoints: readonly string[]): Operation[] {
  return ENDPOINT_OPERATIONS.flatMap(({ endpoint, operations }) =>
    endpoints.includes(endpoint) ? operations : [],
  );
}
