/** What is changed in requests to Claude, by the names in `x-kleis-changes`. */

declare module "../../protocols/body.ts" {
  interface ChangeNames {
    /** The identity block was put before the system prompt, or made of the prompt's first words. */
    "claude-identity": true;
    /** Product names in the system prompt were normalised. */
    "claude-system-text": true;
    /** Tool names were mapped; the response's are mapped back. */
    "claude-tool-names": true;
    /** A plan's request bears the user-agent that the plan's profile names. */
    "claude-user-agent": true;
    /** A `betas` body field moved into the anthropic-beta header. */
    "claude-betas": true;
  }
}

export {};
