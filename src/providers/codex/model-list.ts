/** The list of models that the ChatGPT backend keeps for an account (providers/codex.md §2.6). */
import * as z from "zod/mini";
import { isObject, type JsonObject, text } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import type { Credential, ProviderAccount } from "../account.ts";
import { effortOptions } from "../efforts.ts";
import type { ListedModel, ModelList } from "../provider.ts";
import { clientVersions } from "./client-version.ts";
import { HEADERS, MODELS, ORIGINATOR } from "./profile.ts";

export const modelList: ModelList = {
  kinds: ["oauth"],
  versions: clientVersions,
  request: (account, credential, config, version = clientVersions.wanted(config, null)) => ({
    url: `${config.CODEX_API_URL}${MODELS.path}?client_version=${version}`,
    headers: headersOf(account, credential),
  }),
  decode(body) {
    const list = z.object({ models: z.array(z.unknown()) }).safeParse(body);
    if (!list.success) return null;
    const models = new Map<string, ListedModel>();
    let isReadable = false;
    for (const value of list.data.models) {
      const row = rowSchema.safeParse(value);
      if (!row.success || !isObject(value)) continue;
      isReadable = true;
      const { slug, supported_in_api } = row.data;
      if (supported_in_api && !models.has(slug)) models.set(slug, modelOf(row.data, value));
    }
    return isReadable ? [...models.values()] : null;
  },
};

/** What a model is judged by; of the rest an odd member costs only itself. */
const rowSchema = z.object({
  slug: z.string().check(z.minLength(1), z.maxLength(256)),
  supported_in_api: z.boolean(),
  display_name: z.catch(z.optional(z.string().check(z.minLength(1))), undefined),
  description: z.catch(z.nullish(z.string()), undefined),
  visibility: z.catch(z.optional(z.string()), undefined),
  context_window: z.catch(z.nullish(z.number().check(z.positive())), undefined),
  supported_reasoning_levels: z.catch(z.nullish(z.array(z.object({ effort: z.string() }))), undefined),
  input_modalities: z.catch(z.nullish(z.array(z.string())), undefined),
});
type Row = z.output<typeof rowSchema>;

/** `context_window` is what a prompt may fill; the answer comes on top (§5.3). `source` is the row as it came. */
function modelOf(row: Row, source: JsonObject): ListedModel {
  const input = row.context_window ?? undefined;
  const efforts = (row.supported_reasoning_levels ?? []).map(({ effort }) => effort);
  const sees = row.input_modalities?.includes("image") ?? false;
  const prompt = input ?? MODELS.unknown.input;
  return {
    id: row.slug,
    operations: ["responses"],
    limit: input === undefined ? {} : { input },
    ...(row.visibility === "hide" ? { hidden: true } : {}),
    row: source,
    model: {
      id: row.slug,
      name: row.display_name ?? row.slug,
      ...(row.description ? { description: row.description } : {}),
      attachment: sees,
      reasoning: efforts.length > 0,
      ...effortOptions(efforts),
      tool_call: true,
      release_date: MODELS.unknown.release,
      modalities: { input: sees ? ["text", "image"] : ["text"], output: ["text"] },
      limit: { context: prompt + MODELS.unknown.output, input: prompt, output: MODELS.unknown.output },
    },
  };
}

function headersOf(account: ProviderAccount, credential: Credential): Headers {
  const headers = new Headers({
    accept: "application/json",
    "accept-encoding": "identity",
    authorization: `Bearer ${credential.token}`,
    [HEADERS.account]: text(account.metadata.account_id) ?? account.externalId,
    [HEADERS.originator]: ORIGINATOR,
    "user-agent": USER_AGENT,
  });
  if (account.metadata.fedramp === true) headers.set(HEADERS.fedramp, "true");
  return headers;
}
