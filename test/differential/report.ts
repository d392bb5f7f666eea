/** What Akuma's calls have written, in the words of linux-runner.c: `p` steps. */
import { EPOLL_EVENT_BYTES } from "../../src/abi/poll.ts";

const EVENTS: readonly [string, number][] = [
  ["IN", 1],
  ["PRI", 2],
  ["OUT", 4],
  ["ERR", 8],
  ["HUP", 16],
  ["NVAL", 32],
  ["RDNORM", 64],
  ["RDBAND", 128],
  ["WRNORM", 256],
  ["WRBAND", 512],
  ["MSG", 1024],
  ["RDHUP", 8192],
];
const [AF_UNIX, AF_INET] = [1, 2];
const [SOL_SOCKET, SCM_CREDENTIALS] = [1, 2];
const S_IFDIR = 0o040000;
const LONGEST_TEXT_BYTES = 64;

export class Report {
  private readonly view: DataView;
  private readonly base: number;
  /** Ports have the names of the order in which they are seen: they are chosen at random. */
  private readonly ports: number[] = [];

  constructor(view: DataView, base: number) {
    this.view = view;
    this.base = base;
  }

  print(words: readonly string[], result: number): string {
    const [, kind, ...rest] = words;
    const numbers = rest.map(Number);
    const [first = 0, second = 0, third = 0] = numbers;
    const at = this.base + first;
    switch (kind) {
      case "data":
        return this.data(numbers, result);
      case "name":
        return this.address(at, this.int(this.base + second), third);
      case "value":
        return this.value(at, this.int(this.base + second), third);
      case "int":
        return ` [${this.int(at)}]`;
      case "longs":
        return range(second)
          .map((k) => ` ${this.view.getBigInt64(at + 8 * k, true)}`)
          .join("");
      case "poll":
        return range(second)
          .map((k) => events(this.view.getUint16(at + 8 * k + 6, true)))
          .join("");
      case "events":
        return range(result)
          .map((k) => at + k * EPOLL_EVENT_BYTES)
          .map((event) => `${events(this.view.getUint32(event, true))}:${this.view.getBigInt64(event + 8, true)}`)
          .join("");
      case "set":
        return range(1024)
          .filter((fd) => ((this.view.getUint8(at + (fd >> 3)) >> (fd & 7)) & 1) !== 0)
          .map((fd) => ` ${fd}`)
          .join("");
      case "stat":
        return this.status(at);
      case "entries":
        return this.entries(at, result);
      case "message":
        return this.message(at);
      default:
        throw new Error(`no such print: ${kind}`);
    }
  }

  private int(at: number): number {
    return this.view.getInt32(at, true);
  }

  private long(at: number): number {
    return Number(this.view.getBigInt64(at, true));
  }

  private bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.view.buffer, at, length);
  }

  private data(pieces: readonly number[], result: number): string {
    if (result <= 0) return "";
    const parts: Uint8Array[] = [];
    let left = result;
    for (let k = 0; k + 1 < pieces.length; k += 2) {
      const length = Math.min(pieces[k + 1] as number, left);
      parts.push(this.bytes(this.base + (pieces[k] as number), length));
      left -= length;
    }
    return ` ${quoted(Buffer.concat(parts))}`;
  }

  private port(port: number): string {
    if (port === 0) return "0";
    if (!this.ports.includes(port)) this.ports.push(port);
    return `p${this.ports.indexOf(port) + 1}`;
  }

  private address(at: number, told: number, room: number): string {
    const length = Math.min(told, room);
    const family = length >= 2 ? this.view.getUint16(at, true) : 0;
    const bytes = this.bytes(at, Math.max(length, 0));
    if (length >= 8 && family === AF_INET) {
      return ` ${bytes.slice(4, 8).join(".")}:${this.port(this.view.getUint16(at + 2))}/${told}`;
    }
    if (length >= 2 && family === AF_UNIX) return ` unix ${quoted(bytes.subarray(2))}/${told}`;
    return length >= 2 ? ` family ${family}/${told}` : ` no address/${told}`;
  }

  private value(at: number, told: number, room: number): string {
    const length = Math.min(told, room);
    const isInts = length > 0 && length % 4 === 0;
    const text = isInts
      ? range(length / 4).map((k) => ` ${this.int(at + 4 * k)}`)
      : length > 0
        ? [` 0x${Buffer.from(this.bytes(at, length)).toString("hex")}`]
        : [];
    return `${text.join("")}/${told}`;
  }

  /** struct stat of arm64. */
  private status(at: number): string {
    const word = (offset: number): number => this.view.getUint32(at + offset, true);
    const mode = word(16);
    const text = ` mode=${mode.toString(8)} links=${word(20)} uid=${word(24)} gid=${word(28)}`;
    return (mode & 0o170000) === S_IFDIR ? text : `${text} size=${this.long(at + 48)}`;
  }

  private entries(at: number, result: number): string {
    const texts: string[] = [];
    for (let done = 0; done < result; done += this.view.getUint16(at + done + 16, true)) {
      const name = this.bytes(at + done + 19, 256);
      const end = name.indexOf(0);
      texts.push(` ${Buffer.from(name.subarray(0, end)).toString()}/${this.view.getUint8(at + done + 18)}`);
    }
    return texts.sort().join("");
  }

  private message(at: number): string {
    let text = this.long(at) === 0 ? "" : this.address(this.long(at), this.int(at + 8), 128);
    const control = this.long(at + 32);
    const end = control + this.long(at + 40);
    for (let next = control; control !== 0 && next + 16 <= end; ) {
      const length = this.long(next) - 16;
      const [level, type] = [this.int(next + 8), this.int(next + 12)];
      text += ` control ${level}/${type}`;
      if (level === SOL_SOCKET && type === SCM_CREDENTIALS) text += ` ${length} bytes`;
      else for (let k = 0; k + 4 <= length; k += 4) text += ` ${this.int(next + 16 + k)}`;
      next += (this.long(next) + 7) & ~7;
    }
    return `${text} flags=${this.view.getUint32(at + 48, true).toString(16)}`;
  }
}

function range(length: number): number[] {
  return Array.from({ length }, (_, k) => k);
}

function events(mask: number): string {
  if (mask === 0) return " -";
  const names = EVENTS.filter(([, bit]) => (mask & bit) !== 0).map(([name]) => name);
  const rest = EVENTS.reduce((left, [, bit]) => left & ~bit, mask) >>> 0;
  return ` ${[...names, ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join("|")}`;
}

/** Readable bytes as they are, all others as \xNN; of many only the number and a sum (FNV-1a). */
function quoted(bytes: Uint8Array): string {
  if (bytes.length > LONGEST_TEXT_BYTES) {
    const sum = bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 16_777_619), 2_166_136_261);
    return `<${bytes.length} bytes, ${(sum >>> 0).toString(16).padStart(8, "0")}>`;
  }
  let text = "";
  for (const byte of bytes) {
    const isPlain = byte >= 32 && byte < 127 && byte !== 0x22 && byte !== 0x5c;
    text += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}
