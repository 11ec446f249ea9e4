/** What claude.ai wants of an authorize request (providers/claude.md §1.1 to §1.3). */

export const CLAUDE_CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
export const CLAUDE_SCOPES = [
  "org:create_api_key",
  "user:profile",
  "user:inference",
  "user:sessions:claude_code",
  "user:mcp_servers",
  "user:file_upload",
];
const KNOWN_SCOPES = [...CLAUDE_SCOPES, "user:plugins"];
const REDIRECTS =
  /^(https:\/\/(platform\.claude|console\.anthropic)\.com\/oauth\/code\/callback|http:\/\/localhost:\d+\/callback)$/;

/** Names what is wrong with an authorize request (§1.3); null when nothing is. */
export function authorizeProblem(query: URLSearchParams): string | null {
  const is = (name: string, value: string): boolean => query.get(name) === value;
  if (!is("code", "true")) return "code must be true";
  if (!is("client_id", CLAUDE_CLIENT_ID)) return "unknown client_id";
  if (!is("response_type", "code")) return "response_type must be code";
  if (!REDIRECTS.test(query.get("redirect_uri") ?? "")) return "redirect_uri is not registered";
  const scopes = (query.get("scope") ?? "").split(" ");
  const foreign = scopes.find((scope) => !KNOWN_SCOPES.includes(scope));
  if (foreign !== undefined) return `unknown scope "${foreign}"`;
  if (!is("code_challenge_method", "S256")) return "code_challenge_method must be S256";
  if (!/^[A-Za-z0-9_-]{43}$/.test(query.get("code_challenge") ?? ""))
    return "code_challenge must have 43 characters";
  if ((query.get("state") ?? "") === "") return "state is missing";
  return null;
}
