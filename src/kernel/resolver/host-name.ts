/** Names of hosts: what is a name at all (RFC 1035 section 2.3.1, RFC 1123 section 2.1), and which names never go to a server. */

/** Without the root's dot; 255 bytes on the wire (RFC 1035 section 2.3.4). */
export const LONGEST_NAME = 253;

/**
 * The name in lower case and without a final dot; undefined for what cannot be one. Underscores are let through: names with them are in
 * use. A last label of digits is refused, so that no mistyped address goes out as a question.
 */
export function normalizeHostName(text: string): string | undefined {
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > LONGEST_NAME) return undefined;
  const labels = name.split(".");
  for (const label of labels) {
    if (!/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) return undefined;
  }
  return /^(\d+|0x[\da-f]*)$/.test(labels[labels.length - 1] as string) ? undefined : name;
}

/** RFC 6761 section 6.3: localhost and everything below it is the loopback address, whatever servers say. */
export function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/** Names that exist in no public DNS and must not leak into it: RFC 6761 section 6.4, RFC 7686. */
export function isNeverAsked(name: string): boolean {
  return name === "invalid" || name.endsWith(".invalid") || name === "onion" || name.endsWith(".onion");
}
