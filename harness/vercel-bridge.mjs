/**
 * Stands in for Vercel's Node launcher: serves a Build Output over HTTP as its config.json and .vc-config.json say, with
 * streaming, cancellation and the platform's request context. Usage: node bridge.mjs <output folder>
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const output = process.argv[2];
const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
const [first, second] = config.routes;
if (config.version !== 3 || first.handle !== "filesystem" || second.src !== "/(.*)") {
  throw new Error("this stand-in knows only: the static files first, then one function for everything");
}
const folder = join(output, "functions", `${second.dest.slice(1)}.func`);
const settings = JSON.parse(readFileSync(join(folder, ".vc-config.json"), "utf8"));
if (!settings.runtime.startsWith("nodejs") || settings.launcherType !== "Nodejs") {
  throw new Error("this stand-in launches Node functions only");
}

const contexts = new AsyncLocalStorage();
globalThis[Symbol.for("@vercel/request-context")] = { get: () => contexts.getStore() };
const background = new Set();
const context = {
  waitUntil(work) {
    const settled = Promise.resolve(work).finally(() => background.delete(settled));
    background.add(settled);
  },
};

const { default: handler } = await import(pathToFileURL(join(folder, settings.handler)).href);

const TYPES = { ".txt": "text/plain; charset=utf-8", ".svg": "image/svg+xml", ".html": "text/html" };

const server = createServer((message, res) => {
  // Joined, not resolved: a path that begins with two slashes would be read as a host.
  const url = new URL(`http://${message.headers.host}${message.url}`);
  const file = join(output, "static", normalize(url.pathname));
  if (message.method === "GET" && existsSync(file) && statSync(file).isFile()) {
    res.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    return res.end(readFileSync(file));
  }
  contexts.run(context, () => answer(message, res, url)).catch(() => res.destroy());
});

async function answer(message, res, url) {
  const leaving = new AbortController();
  if (settings.supportsCancellation) {
    res.once("close", () => {
      if (!res.writableFinished) leaving.abort();
    });
  }
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at], message.rawHeaders[at + 1]);
  }
  const bodiless = message.method === "GET" || message.method === "HEAD";
  const response = await handler.fetch(
    new Request(url, {
      method: message.method,
      headers,
      signal: leaving.signal,
      ...(bodiless ? {} : { body: Readable.toWeb(message), duplex: "half" }),
    }),
  );
  res.writeHead(response.status, [...response.headers].flat());
  res.flushHeaders();
  if (response.body === null || message.method === "HEAD") return res.end();
  const parts = [];
  for await (const part of response.body) {
    if (res.destroyed) return;
    if (!settings.supportsResponseStreaming) parts.push(part);
    else if (!res.write(part)) await new Promise((go) => res.once("drain", go).once("close", go));
  }
  res.end(Buffer.concat(parts));
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening at http://127.0.0.1:${server.address().port}\n`);
});
process.on("SIGTERM", async () => {
  server.closeAllConnections();
  await Promise.race([Promise.all(background), new Promise((done) => setTimeout(done, 2_000))]);
  process.exit(0);
});
