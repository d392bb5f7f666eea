/** IPv4 addresses are unsigned 32-bit numbers in host order: 127.0.0.1 is 0x7f000001. */

/** "10.0.2.15" for 0x0a00020f. */
export function formatIpv4(address: number): string {
  return `${(address >>> 24) & 255}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The address of a strict dotted quad (four decimal parts without leading zeros); undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (let k = 1; k <= 4; k++) {
    const part = match[k] as string;
    const value = Number(part);
    if (value > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    address = address * 256 + value;
  }
  return address;
}

/** 0xffffff00 for 24. */
export function prefixMask(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}
