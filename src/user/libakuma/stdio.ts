/** stdin, stdout and stderr: descriptors 0, 1 and 2. Nothing is buffered: what was written is out. */
import { TCGETS, TIOCGWINSZ } from "../../abi/file.ts";
import type { Akuma } from "./akuma.ts";
import { ByteStream } from "./byte-stream.ts";

/** struct termios has 60 bytes at most; struct winsize four 16-bit numbers, rows first. */
const TERMIOS_BYTES = 64;

export class StandardStream extends ByteStream {
  private readonly name: string;

  constructor(akuma: Akuma, fd: number, name: string) {
    super(akuma, fd);
    this.name = name;
  }

  protected override describe(): string {
    return this.name;
  }

  get isTerminal(): boolean {
    const at = this.akuma.memory.heap.allocate(TERMIOS_BYTES);
    const result = this.akuma.ioctl(this.fd, TCGETS, at);
    this.akuma.memory.heap.free(at, TERMIOS_BYTES);
    return result === 0;
  }

  /** Characters in a line of the terminal; 80 where there is none. */
  get columns(): number {
    const at = this.akuma.memory.heap.allocate(TERMIOS_BYTES);
    const result = this.akuma.ioctl(this.fd, TIOCGWINSZ, at);
    const columns = this.akuma.memory.readUint16(at + 2);
    this.akuma.memory.heap.free(at, TERMIOS_BYTES);
    return result === 0 && columns > 0 ? columns : 80;
  }
}
