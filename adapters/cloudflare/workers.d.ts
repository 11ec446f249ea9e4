/** The parts of the Workers runtime that only this adapter uses. */
declare module "cloudflare:workers" {
  /** Keeps the current request's context alive until the work has settled. */
  export function waitUntil(work: Promise<unknown>): void;
}

interface ResponseInit {
  /** `manual`: the body is packed already, as `content-encoding` says; else the runtime packs it. */
  encodeBody?: "automatic" | "manual";
}

/** Passes bytes as they come; a write settles once it was read. Piped into and out of without JavaScript. */
declare class IdentityTransformStream {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}
