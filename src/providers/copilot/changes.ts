/** What is changed in requests to GitHub Copilot, by the names in `x-kleis-changes`. */

declare module "../../protocols/body.ts" {
  interface ChangeNames {
    /** Stream_options.include_usage was set; the resulting chunk is left out. */
    "copilot-usage": true;
    /** Ids of replayed items were removed, and references to items that are not stored. */
    "copilot-item-ids": true;
    /** Store was set to false. */
    "copilot-store": true;
    /** Encrypted reasoning was asked for. */
    "copilot-include": true;
    /** Fields that the backend refuses were removed. */
    "copilot-fields": true;
    /** A `betas` body field moved into the anthropic-beta header. */
    "copilot-betas": true;
    /** The backend could not read earlier turns' sealed reasoning: sent again without it. */
    "copilot-sealed": true;
    /** Image detail was mapped to what the backend takes. */
    "copilot-images": true;
  }
}

export {};
