/** Messages of netlink(7): a header of 16 bytes, a fixed part by the message's type, attributes (length, type, value), all aligned to 4. */

export const NLMSG_HEADER_BYTES = 16;
export const NLMSG_NOOP_MAXIMUM = 15;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
/** An error that quotes the request's header alone. */
export const NLM_F_CAPPED = 0x100;

/** As it stands in a program's memory, little-endian. */
export interface NetlinkHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** The header at `at`; null if the message is not whole. */
export function readHeader(bytes: Uint8Array, at: number, end: number): NetlinkHeader | null {
  if (end - at < NLMSG_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(at, true);
  if (length < NLMSG_HEADER_BYTES || length > end - at) return null;
  return {
    length,
    type: view.getUint16(at + 4, true),
    flags: view.getUint16(at + 6, true),
    sequence: view.getUint32(at + 8, true),
  };
}

/** The value of the first attribute of a type in [at, end); null if there is none. */
export function findAttribute(bytes: Uint8Array, at: number, end: number, wanted: number): Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let next = at; next + 4 <= end; ) {
    const length = view.getUint16(next, true);
    if (length < 4 || next + length > end) return null;
    // The two highest bits are flags of the attribute.
    if ((view.getUint16(next + 2, true) & 0x3fff) === wanted) return bytes.subarray(next + 4, next + length);
    next += align4(length);
  }
  return null;
}

/** Writes one message. */
export class MessageBuilder {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private end = NLMSG_HEADER_BYTES;

  constructor(type: number, flags: number, sequence: number, portId: number) {
    this.view.setUint16(4, type, true);
    this.view.setUint16(6, flags, true);
    this.view.setUint32(8, sequence, true);
    this.view.setUint32(12, portId, true);
  }

  uint8(value: number): this {
    this.room(1);
    this.bytes[this.end++] = value;
    return this;
  }

  uint16(value: number): this {
    this.room(2);
    this.view.setUint16(this.end, value, true);
    this.end += 2;
    return this;
  }

  uint32(value: number): this {
    this.room(4);
    this.view.setUint32(this.end, value >>> 0, true);
    this.end += 4;
    return this;
  }

  raw(value: Uint8Array): this {
    this.room(value.length);
    this.bytes.set(value, this.end);
    this.end += value.length;
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    this.room(align4(value.length) + 8);
    this.end = align4(this.end);
    this.uint16(4 + value.length)
      .uint16(type)
      .raw(value);
    this.end = align4(this.end);
    return this;
  }

  attribute8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  attribute32(type: number, value: number): this {
    return this.attribute(type, new Uint8Array(Uint32Array.of(value >>> 0).buffer));
  }

  /** An IPv4 address, in network order. */
  attributeAddress(type: number, address: number): this {
    return this.attribute(type, Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address));
  }

  attributeText(type: number, text: string): this {
    return this.attribute(type, new TextEncoder().encode(`${text}\0`));
  }

  /** Pads what was written last. */
  align(): this {
    const length = align4(this.end) - this.end;
    this.room(length);
    this.end += length;
    return this;
  }

  finish(): Uint8Array {
    this.view.setUint32(0, this.end, true);
    return this.bytes.slice(0, align4(this.end));
  }

  private room(length: number): void {
    if (this.end + length <= this.bytes.length) return;
    const larger = new Uint8Array(2 * (this.end + length));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
