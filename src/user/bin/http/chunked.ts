/**
 * Decoder of the chunked transfer coding (RFC 9112 7.1), fed with whatever arrives. It gives positions of data in the bytes
 * it was fed, so that nothing is copied here.
 */
import { CR, isFieldByte, LF } from "./syntax.ts";

const State = {
  size: 0,
  extension: 1,
  sizeEnd: 2,
  data: 3,
  dataEnd: 4,
  dataEndLf: 5,
  trailer: 6,
  trailerLf: 7,
  done: 8,
} as const;

const MOST_EXTENSION_BYTES = 4096;
const MOST_TRAILER_BYTES = 16 * 1024;

export class ChunkedDecoder {
  private state: number = State.size;
  private sizeDigits = 0;
  private extensionBytes = 0;
  private trailerBytes = 0;
  private lineBytes = 0;
  /** Bytes of the chunk that are still to come. */
  private left = 0;
  /** Data found by the last `next`: bytes[dataStart, dataEnd). Empty where there was none. */
  dataStart = 0;
  dataEnd = 0;

  get isDone(): boolean {
    return this.state === State.done;
  }

  /**
   * Goes on at bytes[start, end) up to the end of the next piece of data, the end of the body, or of the input. The index
   * up to which the input was used; -1 where the coding is broken.
   */
  next(bytes: Uint8Array, start: number, end: number): number {
    this.dataStart = 0;
    this.dataEnd = 0;
    let at = start;
    while (at < end && this.state !== State.done) {
      if (this.state === State.data) {
        const length = Math.min(this.left, end - at);
        this.dataStart = at;
        this.dataEnd = at + length;
        this.left -= length;
        if (this.left === 0) this.state = State.dataEnd;
        return at + length;
      }
      if (!this.step(bytes[at] as number)) return -1;
      at++;
    }
    return at;
  }

  /** One byte outside of data; false where it must not stand there. */
  private step(byte: number): boolean {
    switch (this.state) {
      case State.size: {
        const digit = hexDigit(byte);
        if (digit >= 0) {
          this.left = this.left * 16 + digit;
          // 13 digits are 52 bits.
          return ++this.sizeDigits <= 13;
        }
        if (this.sizeDigits === 0) return false;
        return this.endOfSize(byte);
      }
      case State.extension:
        if (byte === CR) this.state = State.sizeEnd;
        else if (isFieldByte[byte] !== 1 || ++this.extensionBytes > MOST_EXTENSION_BYTES) return false;
        return true;
      case State.sizeEnd:
        this.state = this.left === 0 ? State.trailer : State.data;
        this.sizeDigits = 0;
        return byte === LF;
      case State.dataEnd:
        this.state = State.dataEndLf;
        return byte === CR;
      case State.dataEndLf:
        this.state = State.size;
        return byte === LF;
      case State.trailer:
        if (byte === CR) {
          this.state = State.trailerLf;
          return true;
        }
        this.lineBytes++;
        return isFieldByte[byte] === 1 && ++this.trailerBytes <= MOST_TRAILER_BYTES;
      default:
        // After the CR of a trailer line: the empty line ends the body.
        this.state = this.lineBytes === 0 ? State.done : State.trailer;
        this.lineBytes = 0;
        return byte === LF;
    }
  }

  private endOfSize(byte: number): boolean {
    if (byte === CR) this.state = State.sizeEnd;
    // RFC 9112 7.1.1: blanks before an extension are bad but seen.
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.state = State.extension;
    else return false;
    return true;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
