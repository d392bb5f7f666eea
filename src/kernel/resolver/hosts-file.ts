/** /etc/hosts (hosts(5)): an address and its names on each line, comments from '#'. Read again only when its text has changed. */
import { parseIpv4 } from "../../base/ipv4-address.ts";
import { normalizeHostName } from "./host-name.ts";

/** What of the file is looked at; more is no hosts file. */
const LONGEST_TEXT = 1 << 20;

export class HostsFile {
  private readonly read: () => string;
  private text = "";
  private addressesByName = new Map<string, number[]>();

  constructor(read: () => string) {
    this.read = read;
  }

  /** IPv4 addresses of a name in the order of the file; null when it is not there. */
  find(name: string): readonly number[] | null {
    const text = this.read();
    if (text !== this.text) {
      this.text = text;
      this.addressesByName = parseHosts(text.slice(0, LONGEST_TEXT));
    }
    return this.addressesByName.get(name) ?? null;
  }
}

export function parseHosts(text: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const line of text.split("\n")) {
    const [addressText = "", ...names] = (line.split("#")[0] as string).trim().split(/\s+/);
    const address = parseIpv4(addressText);
    if (address === undefined) continue;
    for (const text of names) {
      const name = normalizeHostName(text);
      if (name === undefined) continue;
      const addresses = found.get(name) ?? [];
      addresses.push(address);
      found.set(name, addresses);
    }
  }
  return found;
}
