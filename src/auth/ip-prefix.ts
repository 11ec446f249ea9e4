/** Which network an address belongs to: what tries at the admin token are told apart by. */

/**
 * An IPv4 address is its own. An IPv6 address counts as its /56, which is what one line has (RFC 6177 §2); by its /64,
 * who has a /48, which tunnels give away, would count as 65,536. A port behind the address is left out.
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
