/** What everything with a descriptor to read from or write to has in common: files, streams, stdin and stdout. */
import type { Akuma } from "./akuma.ts";
import type { Result } from "./calls.ts";
import { AkumaError } from "./error.ts";
import { encodeText } from "./memory.ts";
import { complete } from "./retry.ts";

const READ_BYTES = 64 * 1024;

export abstract class ByteStream {
  readonly fd: number;
  protected readonly akuma: Akuma;
  private isClosed = false;

  constructor(akuma: Akuma, fd: number) {
    this.akuma = akuma;
    this.fd = fd;
  }

  /** For messages: "/etc/hosts", "10.0.2.2:80". */
  protected abstract describe(): string;

  protected receive(buffer: Uint8Array): Result {
    return this.akuma.read_fd(this.fd, buffer);
  }

  protected transmit(buffer: Uint8Array): Result {
    return this.akuma.write_fd(this.fd, buffer);
  }

  /** Bytes read into `buffer`; 0 at the end. A number where it did not have to wait. */
  read(buffer: Uint8Array): Result {
    return complete(() => this.receive(buffer), this.describe());
  }

  /** Bytes written: at least one, perhaps not all. */
  write(data: Uint8Array | string): Result {
    const bytes = typeof data === "string" ? encodeText(data) : data;
    return complete(() => this.transmit(bytes), this.describe());
  }

  /** Writes all of it. */
  async writeAll(data: Uint8Array | string): Promise<void> {
    let rest = typeof data === "string" ? encodeText(data) : data;
    while (rest.length > 0) {
      const result = this.write(rest);
      const written = typeof result === "number" ? result : await result;
      if (written === 0) throw AkumaError.fromKind("WriteZero", `${this.describe()}: nothing could be written`);
      rest = rest.subarray(written);
    }
  }

  /** Fills `buffer`; throws UnexpectedEof where the end comes first. */
  async readExact(buffer: Uint8Array): Promise<void> {
    for (let filled = 0; filled < buffer.length; ) {
      const count = await this.read(buffer.subarray(filled));
      if (count === 0) throw AkumaError.fromKind("UnexpectedEof", `${this.describe()}: unexpected end`);
      filled += count;
    }
  }

  /** All that is left; FileTooLarge when that is more than `mostBytes`. */
  async readToEnd(mostBytes: number = Number.POSITIVE_INFINITY): Promise<Uint8Array<ArrayBuffer>> {
    const block = this.akuma.allocate(READ_BYTES);
    const parts: Uint8Array[] = [];
    let total = 0;
    try {
      for (;;) {
        const result = this.read(block);
        const count = typeof result === "number" ? result : await result;
        if (count === 0) break;
        total += count;
        if (total > mostBytes) throw AkumaError.fromKind("FileTooLarge", `${this.describe()}: over ${mostBytes} bytes`);
        parts.push(block.slice(0, count));
      }
    } finally {
      this.akuma.free(block);
    }
    const whole = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** All that is left, as UTF-8 text. */
  async readText(): Promise<string> {
    return new TextDecoder().decode(await this.readToEnd());
  }

  /** Lines of UTF-8 text without their ends. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    const block = this.akuma.allocate(READ_BYTES);
    let rest = "";
    try {
      for (;;) {
        const count = await this.read(block);
        rest += count === 0 ? decoder.decode() : decoder.decode(block.slice(0, count), { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
        if (count === 0) break;
      }
      if (rest !== "") yield rest;
    } finally {
      this.akuma.free(block);
    }
  }

  /** Safe to call twice: a number given to something else meanwhile is left alone. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.akuma.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
