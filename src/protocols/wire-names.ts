/** What the protocols write with a vendor's name in it, whichever provider is asked. Other files name no vendor. */

/** The version of the Messages protocol, which its SDKs send with each request. */
export const MESSAGES_VERSION = "anthropic-version";

/** The betas of the Messages protocol that a request asks for. */
export const MESSAGES_BETAS = "anthropic-beta";

/** Headers that belong to one protocol: they mean fields of its body. */
export const PROTOCOL_HEADERS = /^(?:anthropic|openai)-/;

/** How the user-agent of Claude Code begins, which lists models without the version. */
export const MESSAGES_LISTING_AGENT = "claude-cli";

/** How Claude Code's system prompt begins: a line that changes from call to call, and belongs to Anthropic alone. */
export const BILLING_LINE = /^x-anthropic-billing-header[^\n]*\n?/;

/** The cache breakpoint of the chat protocol, on a message. */
export const CHAT_CACHE_MARK = "copilot_cache_control";

/** The header in which Claude Code names its session. */
export const MESSAGES_SESSION = "x-claude-code-session-id";
