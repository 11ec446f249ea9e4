/** What is changed in requests to Toy, by the names in `x-kleis-changes`. */

declare module "../../../src/protocols/body.ts" {
  interface ChangeNames {
    /** `logprobs`, which Toy refuses, was removed. */
    "toy-fields": true;
  }
}

export {};
