/**
 * The provider of the benchmarks: answers all three protocols with as many events as it was told to, at once or paced.
 * Each event carries the time at which it was written, so that the reader can tell how long it was on its way.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Plan {
  /** Events per stream. */
  events: number;
  /** Milliseconds between events; 0: as fast as they go. */
  paceMs: number;
}

let plan: Plan = { events: 500, paceMs: 0 };
/** Streams that have begun and not ended. */
let open = 0;

const TEXT = " the quick brown fox jumps over the lazy dog";
const now = () => (performance.timeOrigin + performance.now()).toFixed(3);

interface Dialect {
  start: string;
  event: () => string;
  end: string;
  whole: string;
}

const event = (name: string, data: object) =>
  `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "bench",
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 9, output_tokens: 1 },
};
const response = {
  id: "resp_1",
  object: "response",
  created_at: 1,
  status: "in_progress",
  model: "bench",
  output: [],
  error: null,
  usage: null,
};

const item = { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] };

const DIALECTS: Record<string, Dialect> = {
  messages: {
    start:
      event("message_start", { message }) +
      event("content_block_start", {
        index: 0,
        content_block: { type: "tool_use", id: "toolu_1", name: "mcp_tool_3", input: {} },
      }) +
      event("content_block_stop", { index: 0 }) +
      event("content_block_start", { index: 1, content_block: { type: "text", text: "" } }),
    event: () =>
      event("content_block_delta", { index: 1, delta: { type: "text_delta", text: `@${now()}@${TEXT}` } }),
    end:
      event("content_block_stop", { index: 1 }) +
      event("message_delta", {
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: 500 },
      }) +
      event("message_stop", {}),
    whole: JSON.stringify({ ...message, content: [{ type: "text", text: TEXT }], stop_reason: "end_turn" }),
  },
  responses: {
    start:
      event("response.created", { sequence_number: 0, response }) +
      event("response.output_item.added", { sequence_number: 1, output_index: 0, item }) +
      event("response.content_part.added", {
        sequence_number: 2,
        item_id: item.id,
        output_index: 0,
        content_index: 0,
        part: { type: "output_text", text: "", annotations: [] },
      }),
    event: () =>
      event("response.output_text.delta", {
        sequence_number: 3,
        item_id: item.id,
        output_index: 0,
        content_index: 0,
        delta: `@${now()}@${TEXT}`,
        logprobs: [],
      }),
    end: event("response.completed", {
      sequence_number: 9,
      response: {
        ...response,
        status: "completed",
        usage: { input_tokens: 9, output_tokens: 500, total_tokens: 509 },
      },
    }),
    whole: JSON.stringify({ ...response, status: "completed" }),
  },
  chat: {
    start: `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "bench", choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] })}\n\n`,
    event: () =>
      `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "bench", choices: [{ index: 0, delta: { content: `@${now()}@${TEXT}` }, finish_reason: null }] })}\n\n`,
    end: `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "bench", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`,
    whole: JSON.stringify({
      id: "c1",
      object: "chat.completion",
      created: 1,
      model: "bench",
      choices: [{ index: 0, message: { role: "assistant", content: TEXT }, finish_reason: "stop" }],
      usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 },
    }),
  },
};

function dialectOf(path: string): Dialect {
  if (path.includes("/messages")) return DIALECTS.messages!;
  return path.includes("/responses") ? DIALECTS.responses! : DIALECTS.chat!;
}

const server = createServer((request, res) => {
  request.socket.setNoDelay(true);
  if (request.url === "/plan") {
    let text = "";
    request.on("data", (part) => {
      text += part;
    });
    request.on("end", () => {
      plan = JSON.parse(text) as Plan;
      res.end("ok");
    });
    return;
  }
  if (request.url === "/open") return void res.end(`${open}`);
  const dialect = dialectOf(request.url ?? "");
  // Only the tail says whether the client streams: the whole body is not worth parsing here.
  let tail = "";
  request.on("data", (part: Buffer) => {
    tail = (tail + part.subarray(-400).toString("latin1")).slice(-400);
  });
  request.on("end", () => {
    if (!tail.includes('"stream":true')) {
      res.writeHead(200, { "content-type": "application/json" }).end(dialect.whole);
      return;
    }
    open++;
    res.once("close", () => open--);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(dialect.start);
    const own = plan;
    let left = own.events;
    const burst = () => {
      while (left > 0 && !res.destroyed) {
        left--;
        if (!res.write(dialect.event())) return void res.once("drain", burst);
      }
      res.end(dialect.end);
    };
    if (own.paceMs === 0) return burst();
    const timer = setInterval(() => {
      // Paced streams that are still running end when there is another plan.
      if (res.destroyed || left-- <= 0 || plan !== own) {
        clearInterval(timer);
        res.end(dialect.end);
      } else res.write(dialect.event());
    }, own.paceMs);
  });
});

// Longer than a round takes, so that nobody meets a connection that is about to close.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
