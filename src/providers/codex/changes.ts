/** What is changed in requests to Codex, by the names in `x-kleis-changes`. */

declare module "../../protocols/body.ts" {
  interface ChangeNames {
    /** Fields that the backend refuses were removed. */
    "codex-fields": true;
    /** Instructions were promoted from the input, or a default was put in. */
    "codex-instructions": true;
    /** Input was brought into the one form the backend takes. */
    "codex-input": true;
    /** Ids of replayed items were removed, and references to items that are not stored. */
    "codex-item-ids": true;
    /** Encrypted reasoning was asked for. */
    "codex-include": true;
    /** Store was set to false. */
    "codex-store": true;
    /** Stream was set to true for a client that does not stream. */
    "codex-stream": true;
    /** Prompt_cache_key was derived per key, account and session. */
    "codex-cache-key": true;
    /** The backend could not read earlier turns' sealed reasoning: sent again without it. */
    "codex-sealed": true;
  }
}

export {};
