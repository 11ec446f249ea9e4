/** How clients of the Messages protocol are known where the path does not say which protocol they speak (registry.md §4). */
import { MESSAGES_LISTING_AGENT, MESSAGES_VERSION } from "../wire-names.ts";

/** True where the request names the protocol's version. */
export function namesMessagesVersion(headers: Headers): boolean {
  return headers.has(MESSAGES_VERSION);
}

/** True for a request of a Messages client: by the version, by how it sends its key, or by its user-agent. */
export function isMessagesClient(headers: Headers): boolean {
  if (namesMessagesVersion(headers)) return true;
  if (headers.has("x-api-key") && !/^bearer\s/i.test(headers.get("authorization") ?? "")) return true;
  return headers.get("user-agent")?.startsWith(MESSAGES_LISTING_AGENT) ?? false;
}
