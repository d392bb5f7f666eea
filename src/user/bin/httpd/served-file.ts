/**
 * A file that httpd has served: its validators and the head of its response; small ones with the body behind the head, so
 * that one send answers a request; large ones with an open descriptor. Freed when the cache and all connections let go.
 */
import type { Akuma } from "../../libakuma/index.ts";
import { formatHttpDate } from "../http/date.ts";
import { contentType } from "./content-type.ts";

/** Files up to this size are kept in memory whole. */
export const SMALL_FILE_BYTES: number = 64 * 1024;
/** "Sun, 06 Nov 1994 08:49:37 GMT" */
const DATE_BYTES = 29;

export class ServedFile {
  readonly akuma: Akuma;
  readonly size: number;
  readonly type: string;
  readonly entityTag: string;
  /** Whole seconds, in milliseconds since 1970. */
  readonly lastModified: number;
  /** Open for large files; -1 for small ones. */
  readonly fd: number;
  /** What every response about this file says of it, the length aside. */
  readonly entityFields: string;
  /** Where the head of the plain 200 response lies; for small files the body follows it. */
  readonly address: number;
  readonly headBytes: number;
  /** Root and path of the file, NUL-terminated, for asking whether it is still the same. */
  readonly pathAddress: number;
  /** Set by each use; cleared when the cache looks for what to let go. */
  wasUsed = false;
  validatedTurn = 0;
  private readonly blockBytes: number;
  private readonly pathBytes: number;
  private readonly dateAddress: number;
  private dateSecond = -1;
  private readonly signature: Int32Array;
  private references = 1;

  /**
   * Takes over `fd` (for a small file it is read and closed) and the path's block. `stat` is the address of its struct stat.
   * Undefined when a small file could not be read as it was described; the descriptor is closed and the path freed then.
   */
  static make(akuma: Akuma, fd: number, stat: number, pathAddress: number, pathBytes: number): ServedFile | undefined {
    const file = new ServedFile(akuma, fd, stat, pathAddress, pathBytes);
    if (file.fd >= 0) return file;
    const isWhole = file.readBody(fd);
    akuma.close(fd);
    if (isWhole) return file;
    file.release();
    return undefined;
  }

  private constructor(akuma: Akuma, fd: number, stat: number, pathAddress: number, pathBytes: number) {
    const { memory } = akuma;
    this.akuma = akuma;
    this.pathAddress = pathAddress;
    this.pathBytes = pathBytes;
    this.signature = signatureOf(akuma, stat);
    this.size = memory.readInt64(stat + 48);
    this.fd = this.size <= SMALL_FILE_BYTES ? -1 : fd;
    const seconds = memory.readInt64(stat + 88);
    this.lastModified = seconds * 1000;
    const nanoseconds = memory.readInt64(stat + 96);
    const inode = memory.readInt64(stat + 8);
    this.entityTag = `"${inode.toString(36)}-${this.size.toString(36)}-${seconds.toString(36)}${nanoseconds.toString(36).padStart(6, "0")}"`;
    this.type = contentType(memory.readString(pathAddress, pathBytes).split("/").pop() ?? "");
    const modified = formatHttpDate(this.lastModified);
    this.entityFields = `Content-Type: ${this.type}\r\nLast-Modified: ${modified}\r\nETag: ${this.entityTag}\r\nAccept-Ranges: bytes\r\n`;
    // The date's place is kept free until `setDate`.
    const head = `${headStart("200 OK", " ".repeat(DATE_BYTES))}${this.entityFields}Content-Length: ${this.size}\r\n\r\n`;
    this.headBytes = head.length;
    this.blockBytes = this.headBytes + (this.fd < 0 ? this.size : 0);
    this.address = memory.heap.allocate(this.blockBytes);
    for (let k = 0; k < head.length; k++) memory.bytes[this.address + k] = head.charCodeAt(k);
    this.dateAddress = this.address + head.indexOf("Date: ") + 6;
  }

  /** Writes the date into the head, once a second. */
  setDate(second: number, text: string): void {
    if (second === this.dateSecond) return;
    this.dateSecond = second;
    const { bytes } = this.akuma.memory;
    for (let k = 0; k < DATE_BYTES; k++) bytes[this.dateAddress + k] = text.charCodeAt(k);
  }

  /** Asks the file system whether the path still leads to the same file, unchanged. */
  isCurrent(statAddress: number): boolean {
    const { akuma } = this;
    const result = akuma.syscall(akuma.numbers.newfstatat, -100, this.pathAddress, statAddress, 0);
    if (result !== 0) return false;
    const words = akuma.memory.view;
    for (let k = 0; k < this.signature.length; k++) {
      if (words.getInt32(statAddress + (SIGNATURE_OFFSETS[k] as number), true) !== this.signature[k]) return false;
    }
    return true;
  }

  /** Bytes that it takes up in memory. */
  get weight(): number {
    return this.blockBytes + this.pathBytes + 512;
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    if (this.fd >= 0) this.akuma.close(this.fd);
    this.akuma.memory.heap.free(this.address, this.blockBytes);
    this.akuma.memory.heap.free(this.pathAddress, this.pathBytes);
  }

  private readBody(fd: number): boolean {
    const start = this.address + this.headBytes;
    let filled = 0;
    while (filled < this.size) {
      const count = this.akuma.read(fd, start + filled, this.size - filled);
      if (typeof count !== "number" || count <= 0) return false;
      filled += count;
    }
    return true;
  }
}

/** Status line, server and date. */
export function headStart(status: string, date: string): string {
  return `HTTP/1.1 ${status}\r\nServer: akuma\r\nDate: ${date}\r\n`;
}

/** Device, inode, size, mtime and ctime: the words of struct stat that change when a file does. */
const SIGNATURE_OFFSETS: readonly number[] = [0, 8, 12, 48, 52, 88, 96, 104, 112];

function signatureOf(akuma: Akuma, stat: number): Int32Array {
  return Int32Array.from(SIGNATURE_OFFSETS, (offset) => akuma.memory.readInt32(stat + offset));
}
