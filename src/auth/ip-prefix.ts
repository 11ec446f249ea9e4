/** The network that an address belongs to, by which login attempts are counted. */

/**
 * An IPv4 address stands for itself. An IPv6 address counts as its /56, the usual size of one site (RFC 6177 §2); counted by
 * /64, the holder of a /48, which tunnel brokers give away, would be 65,536 sources. A port is removed.
 */
export function ipPrefixOf(address: string): string {
  const plain = address
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\](:\d+)?$/, "$1")
    .replace(/^::ffff:(?=[\d.]+$)/, "")
    .replace(/^([\d.]+):\d+$/, "$1");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const left = groups(head);
  const right = groups(tail ?? "");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => 0);
  const [a = 0, b = 0, c = 0, d = 0] = [...left, ...zeros, ...right];
  return [a, b, c, d & 0xff00].map((group) => group.toString(16)).join(":");
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16) || 0);
}
