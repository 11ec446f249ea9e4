/** The list of models that the ChatGPT backend keeps for an account (providers/codex.md §2.6). */
import * as z from "zod/mini";
import { text } from "../../json.ts";
import { USER_AGENT } from "../../version.ts";
import { effortOptions } from "../efforts.ts";
import type { Credential, LiveList, LiveModel, ProviderAccount } from "../provider.ts";
import { HEADERS, MODELS, ORIGINATOR } from "./profile.ts";

export const live: LiveList = {
  kinds: ["oauth"],
  request: (account, credential, config) => ({
    url: `${config.CODEX_API_URL}${MODELS.path}?client_version=${MODELS.clientVersion}`,
    headers: headersOf(account, credential),
  }),
  decode(body) {
    const list = z.object({ models: z.array(z.unknown()) }).safeParse(body);
    if (!list.success) return null;
    const rows = list.data.models.flatMap((value) => {
      const row = rowSchema.safeParse(value);
      return row.success ? [row.data] : [];
    });
    return rows.length === 0 ? null : rows.filter(isUsable).map(modelOf);
  },
};

/** All that a model is judged by. */
const rowSchema = z.object({
  slug: z.string().check(z.minLength(1), z.maxLength(256)),
  display_name: z.optional(z.string().check(z.minLength(1))),
  description: z.nullish(z.string()),
  visibility: z.optional(z.string()),
  supported_in_api: z.boolean(),
  context_window: z.nullish(z.number().check(z.positive())),
  supported_reasoning_levels: z.nullish(z.array(z.object({ effort: z.string() }))),
  input_modalities: z.nullish(z.array(z.string())),
});
type Row = z.output<typeof rowSchema>;

function isUsable(row: Row): boolean {
  return row.visibility !== "hide" && row.supported_in_api;
}

/** `context_window` is what a prompt may fill; the answer comes on top (§5.3). */
function modelOf(row: Row): LiveModel {
  const input = row.context_window ?? undefined;
  const efforts = (row.supported_reasoning_levels ?? []).map(({ effort }) => effort);
  const sees = row.input_modalities?.includes("image") ?? false;
  const prompt = input ?? MODELS.unknown.input;
  return {
    id: row.slug,
    operations: ["responses"],
    limit: input === undefined ? {} : { input },
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
