/** Kinds of IPv4 addresses (RFC 1122 3.2.1.3, RFC 6890). All in host order. */

export const LOOPBACK_ADDRESS = 0x7f00_0001;
export const LIMITED_BROADCAST_ADDRESS = 0xffff_ffff;

/** 127.0.0.0/8 */
export function isLoopbackAddress(address: number): boolean {
  return address >>> 24 === 127;
}

/** 224.0.0.0/4 */
export function isMulticastAddress(address: number): boolean {
  return address >>> 28 === 0xe;
}

/** 240.0.0.0/4, the limited broadcast address included. */
export function isReservedAddress(address: number): boolean {
  return address >>> 28 === 0xf;
}

/** 0.0.0.0/8: "this host on this network". */
export function isThisNetworkAddress(address: number): boolean {
  return address >>> 24 === 0;
}

/** What a program may send from or be known by: no broadcast, multicast, reserved or "this network" address. */
export function isUnicastAddress(address: number): boolean {
  const first = address >>> 24;
  return first !== 0 && first < 224;
}

/** Reverses the bytes of a word: between an address in host order and the same as the machine loads it from a packet. */
export function swapWord(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** Reverses the bytes of a 16-bit value. */
export function swapHalf(half: number): number {
  return ((half & 0xff) << 8) | ((half >>> 8) & 0xff);
}
