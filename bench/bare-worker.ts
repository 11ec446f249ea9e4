/** The yardstick in workerd: both bodies stay the runtime's own streams, which no JavaScript touches. */
export default {
  fetch(request: Request, { UPSTREAM }: { UPSTREAM: string }): Promise<Response> {
    return fetch(UPSTREAM + new URL(request.url).pathname, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: request.body,
    });
  },
};
