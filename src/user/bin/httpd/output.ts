/**
 * What one connection still has to send: pieces of process memory and of files, in order. Nothing is copied but what would
 * change under way; files go from the file system to the socket inside the kernel.
 */
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL } from "../../libakuma/constants.ts";
import type { Akuma } from "../../libakuma/index.ts";
import type { ServedFile } from "./served-file.ts";

/** A turn sends at most this much of files for one connection; the others come next. */
const BYTES_PER_TURN = 1024 * 1024;

interface Piece {
  /** Holds the bytes or the descriptor; null for a block of its own. */
  file: ServedFile | null;
  /** Address in process memory; for a piece of an open file, the position in it. */
  at: number;
  left: number;
  isOpenFile: boolean;
  /** The block to free; 0 for none. */
  block: number;
  blockBytes: number;
}

export const Sent = { all: 0, blocked: 1, yielded: 2, failed: 3 } as const;

export class Output {
  private readonly akuma: Akuma;
  private readonly fd: number;
  private pieces: Piece[] = [];
  /** Bytes sent since the connection began: tells whether there was progress. */
  bytesSent = 0;

  constructor(akuma: Akuma, fd: number) {
    this.akuma = akuma;
    this.fd = fd;
  }

  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  /** Text, which must be ASCII. */
  addText(text: string): void {
    const { memory } = this.akuma;
    const block = memory.heap.allocate(text.length);
    for (let k = 0; k < text.length; k++) memory.bytes[block + k] = text.charCodeAt(k);
    this.pieces.push({ file: null, at: block, left: text.length, isOpenFile: false, block, blockBytes: text.length });
  }

  /** Bytes of a file from `start` to `end`. */
  addFile(file: ServedFile, start: number, end: number): void {
    if (end === start) return;
    const isOpenFile = file.fd >= 0;
    const at = isOpenFile ? start : file.address + file.headBytes + start;
    this.pieces.push({ file: file.retain(), at, left: end - start, isOpenFile, block: 0, blockBytes: 0 });
  }

  /**
   * The whole of a small file, head and body at once: the usual answer. Sends right away where nothing waits before it; what
   * the socket does not take stays for later.
   */
  sendSmall(file: ServedFile, isMoreComing: boolean): void {
    const { memory } = this.akuma;
    const total = file.headBytes + file.size;
    let sent = 0;
    if (this.pieces.length === 0) {
      const flags = MSG_NOSIGNAL | MSG_DONTWAIT | (isMoreComing ? MSG_MORE : 0);
      const result = this.akuma.sendto(this.fd, file.address, total, flags);
      if (result === total) {
        this.bytesSent += total;
        return;
      }
      // Errors show again when the rest is sent.
      if (typeof result === "number" && result > 0) sent = result;
      this.bytesSent += sent;
    }
    if (sent < file.headBytes) {
      // The head is copied, since its date will change.
      const length = file.headBytes - sent;
      const block = memory.heap.allocate(length);
      memory.bytes.copyWithin(block, file.address + sent, file.address + file.headBytes);
      this.pieces.push({ file: null, at: block, left: length, isOpenFile: false, block, blockBytes: length });
    }
    this.addFile(file, Math.max(0, sent - file.headBytes), file.size);
  }

  /** Sends as much as the socket takes. */
  flush(isMoreComing: boolean): number {
    let budget = BYTES_PER_TURN;
    for (;;) {
      const piece = this.pieces[0];
      if (piece === undefined) return Sent.all;
      if (budget <= 0) return Sent.yielded;
      const result = this.sendPiece(piece, isMoreComing, budget);
      if (typeof result !== "number") return Sent.failed;
      if (result === -EINTR) continue;
      if (result === -EAGAIN) return Sent.blocked;
      // 0: the file has become shorter than its announced length; only breaking off tells the client.
      if (result <= 0) return Sent.failed;
      budget -= result;
      this.bytesSent += result;
      piece.at += result;
      piece.left -= result;
      if (piece.left === 0) {
        this.pieces.shift();
        this.releasePiece(piece);
      }
    }
  }

  /** Drops what is left. */
  clear(): void {
    for (const piece of this.pieces) this.releasePiece(piece);
    this.pieces = [];
  }

  private sendPiece(piece: Piece, isMoreComing: boolean, budget: number): number | Promise<number> {
    const { akuma } = this;
    if (piece.isOpenFile) {
      const offset = akuma.memory.heap.allocate(8);
      akuma.memory.writeInt64(offset, piece.at);
      const result = akuma.sendfile(this.fd, (piece.file as ServedFile).fd, offset, Math.min(piece.left, budget));
      akuma.memory.heap.free(offset, 8);
      return result;
    }
    const more = isMoreComing || this.pieces.length > 1 ? MSG_MORE : 0;
    return akuma.sendto(this.fd, piece.at, piece.left, MSG_NOSIGNAL | MSG_DONTWAIT | more);
  }

  private releasePiece(piece: Piece): void {
    piece.file?.release();
    if (piece.block !== 0) this.akuma.memory.heap.free(piece.block, piece.blockBytes);
  }
}
