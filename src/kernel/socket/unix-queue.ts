/** What an AF_UNIX socket has received and not yet read: messages with their bytes, sender and passed files, bounded in bytes. */
import type { OpenFile } from "../file/open-file.ts";
import type { Credentials } from "./kernel-socket.ts";

/** What a message is charged beyond its bytes, so that many small ones are bounded too. */
export const MESSAGE_OVERHEAD_BYTES = 256;

export interface UnixMessage {
  readonly bytes: Uint8Array;
  /** Bytes read already (streams). */
  read: number;
  /** Who sent it. The name told is the one that it has when the message is read. */
  readonly sender: { readonly name: string };
  files: OpenFile[] | null;
  readonly credentials: Credentials | null;
}

export class UnixQueue {
  private readonly messages: UnixMessage[] = [];
  private first = 0;
  /** Bytes and overhead of everything queued. */
  charge = 0;
  /** Bytes to read. */
  readableBytes = 0;
  /** Open files in all messages. */
  fileCount = 0;

  get isEmpty(): boolean {
    return this.first === this.messages.length;
  }

  /** The next message; null when there is none. */
  head(): UnixMessage | null {
    return this.messages[this.first] ?? null;
  }

  /** The message `index` places behind the next one. */
  at(index: number): UnixMessage | null {
    return this.messages[this.first + index] ?? null;
  }

  push(message: UnixMessage): void {
    this.messages.push(message);
    this.charge += message.bytes.length + MESSAGE_OVERHEAD_BYTES;
    this.readableBytes += message.bytes.length;
    this.fileCount += message.files?.length ?? 0;
  }

  /** Takes the files out of the next message; they and their references are the caller's. */
  takeFiles(): OpenFile[] {
    const message = this.messages[this.first];
    const files = message?.files ?? [];
    if (message !== undefined) message.files = null;
    this.fileCount -= files.length;
    return files;
  }

  /** Marks bytes of the next message as read; takes it out when it is all read, or when `whole`. */
  take(byteLength: number, whole: boolean): void {
    const message = this.messages[this.first];
    if (message === undefined) return;
    const left = message.bytes.length - message.read;
    const taken = whole ? left : byteLength;
    message.read += taken;
    this.readableBytes -= taken;
    if (message.read < message.bytes.length) return;
    this.charge -= message.bytes.length + MESSAGE_OVERHEAD_BYTES;
    this.first++;
    if (this.first >= 32 && this.first * 2 >= this.messages.length) {
      this.messages.splice(0, this.first);
      this.first = 0;
    }
  }

  /** Throws everything away; files on their way are dropped, and counted. */
  clear(): number {
    const left = this.messages.splice(this.first);
    this.messages.length = 0;
    this.first = 0;
    this.charge = 0;
    this.readableBytes = 0;
    this.fileCount = 0;
    let files = 0;
    for (const message of left) {
      for (const file of message.files ?? []) {
        file.drop();
        files++;
      }
    }
    return files;
  }

  /** Every file on its way in this queue. */
  *files(): Iterable<OpenFile> {
    for (let k = this.first; k < this.messages.length; k++) yield* (this.messages[k] as UnixMessage).files ?? [];
  }
}
