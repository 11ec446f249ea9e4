/** What Anthropic publicly allows, told to the owner before an account is connected (providers/claude.md §0). */
export const NOTICE = [
  "Anthropic's published rules (Claude Code legal page, read in August 2026) allow the sign-in of a Free, Pro, Max or",
  "similar plan only in Claude Code and Anthropic's own apps, and forbid other tools to store or pass on such sign-ins.",
  "Using one through Kleis goes against these rules, even for your own account and your own use.",
  "Possible results: refused requests, requests billed as pay-as-you-go usage credits instead of your plan (Anthropic",
  "has done this to other tools since April 2026), and suspension of the account, possibly without warning.",
  "With a plan's sign-in Kleis puts the Claude Code identity line before the system prompt, replaces the product name",
  "OpenCode there, maps tool names, and bears the user-agent that the plan expects (CLAUDE_USER_AGENT); every answer's x-kleis-changes header says so. It does nothing against a refusal:",
  "Anthropic's answer is passed on as it came.",
  "The way that Anthropic explicitly allows is an API key of your own from the Claude Console, billed to you.",
  "Kleis leaves the content of requests with an API key as it is.",
].join(" ");
