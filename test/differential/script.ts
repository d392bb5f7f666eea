/**
 * The language that scenarios are written in: one system call a line, as a C program would have it, with the data that
 * arguments point to written in place. `compile` lays that data out in one block of memory and gives the steps that both
 * executors follow; see README.md for the language and the steps.
 */

export interface Scenario {
  readonly name: string;
  /** One call a line; empty lines and those that begin with # are left out. */
  readonly script: string;
  /** Only where the host lets the test do what root may. */
  readonly needsRoot?: boolean;
}

export interface CompiledScenario {
  readonly name: string;
  readonly needsRoot: boolean;
  /** The calls as they were written, by the numbers that the executors print. */
  readonly calls: readonly string[];
  readonly steps: readonly string[];
  /** How much memory the data takes; the first SCRATCH_BYTES are the executors' own. */
  readonly memoryBytes: number;
}

export const SCRATCH_BYTES = 64;
/** What all data of one scenario may take together. */
const MEMORY_BYTES = 1_048_576;

interface Token {
  readonly kind: "name" | "number" | "address" | "text" | "sign";
  readonly text: string;
}

const PATTERNS: readonly [Token["kind"], RegExp][] = [
  ["address", /^\d+\.\d+\.\d+\.\d+/],
  ["number", /^(0x[0-9a-fA-F]+|\d+)/],
  ["name", /^[A-Za-z_]\w*/],
  ["text", /^"([^"\\]|\\.)*"/],
  ["sign", /^[(),|+:=@~-]/],
];

/** Scenarios run as root on the host too: nothing outside of their folder but these may be named. */
const OUTSIDE: ReadonlySet<string> = new Set([
  "/",
  "/dev/null",
  "/dev/zero",
  "/dev/full",
  "/dev/ptmx",
  "/dev/tty",
  "/none",
  "/none/none",
]);

function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let rest = line.trim();
  while (rest !== "") {
    const found = PATTERNS.map(([kind, pattern]) => ({ kind, text: pattern.exec(rest)?.[0] })).find(({ text }) => text);
    if (found?.text === undefined) throw new SyntaxError(`cannot read ${JSON.stringify(rest)} in: ${line}`);
    tokens.push({ kind: found.kind, text: found.text });
    rest = rest.slice(found.text.length).trimStart();
  }
  return tokens;
}

/** The bytes of a text in quotes: \0, \n, \\, \" and \xNN are escapes. */
function bytesOf(quoted: string): Uint8Array {
  const text = quoted.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) => {
    if (code.startsWith("x")) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return code === "0" ? "\0" : code === "n" ? "\n" : code;
  });
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What is to be done after a call, for what it has written: `p` and `l` steps. */
type Afterwards = string[];

/** One data constructor's place in memory, as far as later arguments refer to it. */
interface Piece {
  readonly at: number;
  readonly byteLength: number;
}

class Compiler {
  readonly steps: string[] = [];
  readonly calls: string[] = [];
  private readonly slots = new Map<string, number>();
  private readonly background = new Map<string, Afterwards>();
  used = SCRATCH_BYTES;
  private tokens: Token[] = [];
  private position = 0;
  private afterwards: Afterwards = [];
  /** Room that waits for the len() that belongs to it. */
  private room: (Piece & { kind: "name" | "value" }) | null = null;

  line(line: string): void {
    this.tokens = tokenize(line);
    this.position = 0;
    this.afterwards = [];
    this.room = null;
    const thread = this.accept("@") ? this.take("number") : "0";
    if (thread !== "0") this.expect(":");
    const isHidden = this.accept("~");
    let slot = "-";
    if (this.tokens[this.position + 1]?.text === "=") {
      slot = String(this.slot(this.take("name")));
      this.expect("=");
    }
    const name = this.take("name");
    this.expect("(");
    if (name === "settle") {
      this.steps.push(`t ${this.peek() === ")" ? "10" : this.take("number")}`);
    } else if (name === "join") {
      const joined = this.take("number");
      this.steps.push(`j ${joined}`, ...(this.background.get(joined) ?? []), ".");
    } else {
      const values = this.list(() => this.argument());
      this.calls.push(line.trim());
      this.steps.push(["c", this.calls.length - 1, thread, slot, isHidden ? 1 : 0, name, ...values].join(" "));
      if (thread === "0") this.steps.push(...this.afterwards, ".");
      else this.background.set(thread, this.afterwards);
      return;
    }
    this.expect(")");
  }

  private peek(): string {
    return this.tokens[this.position]?.text ?? "";
  }

  private accept(sign: string): boolean {
    if (this.peek() !== sign) return false;
    this.position++;
    return true;
  }

  private expect(sign: string): void {
    if (!this.accept(sign)) throw new SyntaxError(`${sign} expected before "${this.peek()}"`);
  }

  private take(kind: Token["kind"]): string {
    const token = this.tokens[this.position++];
    if (token?.kind !== kind) throw new SyntaxError(`a ${kind} expected, not "${token?.text ?? "the end"}"`);
    return token.text;
  }

  /** Items between commas, up to the closing parenthesis. */
  private list<Item>(item: () => Item): Item[] {
    const items: Item[] = [];
    if (this.accept(")")) return items;
    do items.push(item());
    while (this.accept(","));
    this.expect(")");
    return items;
  }

  private slot(name: string): number {
    let index = this.slots.get(name);
    if (index === undefined) {
      index = this.slots.size;
      this.slots.set(name, index);
    }
    return index;
  }

  private allocate(byteLength: number): number {
    const at = this.used;
    this.used = (this.used + byteLength + 15) & ~15;
    if (this.used > MEMORY_BYTES) throw new RangeError("the scenario's data is too large");
    return at;
  }

  private place(bytes: Uint8Array): Piece {
    const at = this.allocate(bytes.length + 1);
    if (bytes.length > 0) this.steps.push(`h ${at} ${Buffer.from(bytes).toString("hex")}`);
    return { at, byteLength: bytes.length };
  }

  private store(width: string, at: number, value: string): void {
    this.steps.push(`w ${width} ${at} ${value}`);
  }

  /** Numbers, constants and slots joined by | and +. */
  private expression(): string {
    let text = "";
    do {
      const sign = this.accept("-") ? "-" : "";
      const token = this.tokens[this.position];
      if (token?.kind === "name" && this.tokens[this.position + 1]?.text === "(") {
        if (token.text !== "port") throw new SyntaxError(`${token.text}() gives no number`);
        this.position += 2;
        text += `%${this.slot(this.take("name"))}`;
        this.expect(")");
      } else if (token?.kind === "name") {
        this.position++;
        text += /^[A-Z_]/.test(token.text) ? token.text : `$${this.slot(token.text)}`;
      } else text += sign + String(numberOf(this.take("number")));
      if (this.peek() !== "|" && this.peek() !== "+") return text;
      text += this.peek();
      this.position++;
    } while (this.position < this.tokens.length);
    throw new SyntaxError("the line ends within an expression");
  }

  /** One argument of a call, as the executors evaluate it. */
  private argument(): string {
    const token = this.tokens[this.position];
    if (token?.kind === "text") {
      this.position++;
      const path = token.text.slice(1, -1);
      if (path.startsWith("/") && !OUTSIDE.has(path)) throw new RangeError(`${path} lies outside of the test's folder`);
      return `&${this.place(bytesOf(token.text)).at}`;
    }
    if (token?.kind === "name" && this.tokens[this.position + 1]?.text === "(" && token.text !== "port") {
      this.position += 2;
      const text = `&${this.data(token.text).at}`;
      this.expect(")");
      return text;
    }
    return this.expression();
  }

  private data(kind: string): Piece {
    switch (kind) {
      case "in":
        return this.inetAddress();
      case "un":
        return this.unixAddress();
      case "fill":
        return this.filled();
      case "bytes":
        return this.place(Uint8Array.from(Buffer.from(this.take("text").slice(1, -1), "hex")));
      case "room": {
        const piece = this.reserve(numberOf(this.take("number")));
        this.afterwards.push(`p data ${piece.at} ${piece.byteLength}`);
        return piece;
      }
      case "name":
      case "value": {
        const piece = this.reserve(numberOf(this.take("number")));
        this.room = { ...piece, kind };
        return piece;
      }
      case "len":
        return this.lengthOfRoom();
      case "ints":
        return this.row(4, "4");
      case "longs":
        return this.row(8, "8");
      case "lock":
        return this.lock();
      case "outint":
        return this.output("int", 4);
      case "outlongs": {
        const count = numberOf(this.take("number"));
        const piece = this.reserve(8 * count);
        this.afterwards.push(`p longs ${piece.at} ${count}`);
        return piece;
      }
      case "fds":
        return this.descriptorPair();
      case "pollfds":
        return this.pollRow();
      case "set":
        return this.descriptorSet();
      case "event": {
        const at = this.allocate(16);
        const events = this.expression();
        this.expect(",");
        this.steps.push(`v ${at} ${events} ${this.expression()}`);
        return { at, byteLength: 16 };
      }
      case "events":
        return this.output("events", 16 * numberOf(this.take("number")));
      case "stat":
        return this.output("stat", 256);
      case "entries": {
        const piece = this.reserve(numberOf(this.take("number")));
        this.afterwards.push(`p entries ${piece.at}`);
        return piece;
      }
      case "iov":
        return this.vector();
      case "msg":
        return this.message();
      case "rights":
      case "credentials":
        return this.ancillary(kind);
      default:
        throw new SyntaxError(`there is no ${kind}()`);
    }
  }

  /** lock(TYPE, WHENCE, START, LENGTH, PID): a struct flock, shown afterwards. */
  private lock(): Piece {
    const values = this.list(() => this.expression());
    this.position--;
    const at = this.allocate(32);
    const places: readonly [string, number][] = [
      ["2", 0],
      ["2", 2],
      ["8", 8],
      ["8", 16],
      ["4", 24],
    ];
    places.forEach(([width, offset], index) => {
      this.store(width, at + offset, values[index] ?? "0");
    });
    this.afterwards.push(`p longs ${at} 4`);
    return { at, byteLength: 32 };
  }

  private reserve(byteLength: number): Piece {
    return { at: this.allocate(byteLength), byteLength };
  }

  private output(kind: string, byteLength: number): Piece {
    const piece = this.reserve(byteLength);
    this.afterwards.push(`p ${kind} ${piece.at}`);
    return piece;
  }

  /** in(ADDRESS, PORT), in(ADDRESS, PORT, FAMILY). */
  private inetAddress(): Piece {
    const at = this.allocate(16);
    const address = this.take("address").split(".").map(Number);
    this.expect(",");
    const port = this.expression();
    this.store("2", at, this.accept(",") ? this.expression() : "AF_INET");
    this.store("port", at + 2, port);
    this.steps.push(`h ${at + 4} ${Buffer.from(address).toString("hex")}`);
    return { at, byteLength: 16 };
  }

  /** un("PATH"). */
  private unixAddress(): Piece {
    const path = bytesOf(this.take("text"));
    const at = this.allocate(128);
    this.store("2", at, "AF_UNIX");
    this.steps.push(`h ${at + 2} ${Buffer.from(path).toString("hex")}`);
    return { at, byteLength: 2 + path.length };
  }

  /** fill(LENGTH): that many bytes "x". */
  private filled(): Piece {
    const byteLength = numberOf(this.take("number"));
    const at = this.allocate(byteLength);
    if (byteLength > 0) this.steps.push(`z ${at} ${byteLength} 120`);
    return { at, byteLength };
  }

  /** len(N): a value-result length for the name() or value() before it. */
  private lengthOfRoom(): Piece {
    const at = this.allocate(4);
    this.store("4", at, this.expression());
    if (this.room !== null) this.afterwards.push(`p ${this.room.kind} ${this.room.at} ${at} ${this.room.byteLength}`);
    return { at, byteLength: 4 };
  }

  private row(bytes: number, width: string): Piece {
    const start = this.position;
    const count = this.list(() => this.expression()).length;
    this.position = start;
    const at = this.allocate(bytes * count);
    this.list(() => this.expression()).forEach((value, index) => {
      this.store(width, at + bytes * index, value);
    });
    this.position--;
    return { at, byteLength: bytes * count };
  }

  /** fds(a, b): where pipe2 and socketpair leave two descriptors. */
  private descriptorPair(): Piece {
    const at = this.allocate(8);
    const first = this.slot(this.take("name"));
    this.expect(",");
    this.afterwards.push(`l ${first} ${at}`, `l ${this.slot(this.take("name"))} ${at + 4}`);
    return { at, byteLength: 8 };
  }

  /** pollfds(FD:EVENTS, …). */
  private pollRow(): Piece {
    const entries: [string, string][] = this.list(() => {
      const fd = this.expression();
      this.expect(":");
      return [fd, this.expression()];
    });
    this.position--;
    const at = this.allocate(8 * entries.length);
    entries.forEach(([fd, events], index) => {
      this.store("4", at + 8 * index, fd);
      this.store("2", at + 8 * index + 4, events);
      this.store("2", at + 8 * index + 6, "21845");
    });
    this.afterwards.push(`p poll ${at} ${entries.length}`);
    return { at, byteLength: 8 * entries.length };
  }

  /** set(FD, …): an fd_set. */
  private descriptorSet(): Piece {
    const at = this.allocate(128);
    for (const fd of this.list(() => this.expression())) this.steps.push(`b ${at} ${fd}`);
    this.position--;
    this.afterwards.push(`p set ${at}`);
    return { at, byteLength: 128 };
  }

  /** iov("text", room(3), fill(9), 8:5 …): a vector; "8:5" is a segment of 5 bytes at address 8. */
  private vector(): Piece {
    const before = this.afterwards;
    this.afterwards = [];
    const segments: { address: string; length: string; out: Piece | null }[] = this.list(() => {
      const token = this.tokens[this.position];
      if (token?.kind === "text") {
        this.position++;
        const { at, byteLength } = this.place(bytesOf(token.text));
        return { address: `&${at}`, length: String(byteLength), out: null };
      }
      if (token?.kind === "name" && this.tokens[this.position + 1]?.text === "(") {
        this.position += 2;
        const piece = this.data(token.text);
        this.expect(")");
        return {
          address: `&${piece.at}`,
          length: String(piece.byteLength),
          out: token.text === "room" ? piece : null,
        };
      }
      const address = this.expression();
      this.expect(":");
      return { address, length: this.expression(), out: null };
    });
    this.position--;
    this.afterwards = before;
    const at = this.allocate(16 * segments.length);
    segments.forEach(({ address, length }, index) => {
      this.store("8", at + 16 * index, address);
      this.store("8", at + 16 * index + 8, length);
    });
    const rooms = segments.flatMap(({ out }) => (out === null ? [] : [out.at, out.byteLength]));
    if (rooms.length > 0) this.afterwards.push(`p data ${rooms.join(" ")}`);
    return { at, byteLength: segments.length };
  }

  /** msg(NAME, NAMELENGTH, IOV, COUNT, CONTROL, CONTROLLENGTH): a msghdr; control room is given as room(N). */
  private message(): Piece {
    const fields = ["8", "4", "8", "8", "8", "8"];
    const at = this.allocate(56);
    let index = 0;
    this.list(() => {
      const before = this.afterwards;
      this.afterwards = [];
      this.store(fields[index] ?? "8", at + 8 * index, this.argument());
      // Name and control messages are shown with the message itself.
      this.afterwards = index === 2 ? [...before, ...this.afterwards] : before;
      index++;
    });
    this.position--;
    if (index !== fields.length) throw new SyntaxError("msg() has six parts");
    this.afterwards.push(`p message ${at}`);
    return { at, byteLength: 56 };
  }

  /** rights(FD, …) and credentials(PID, UID, GID): one control message. */
  private ancillary(kind: "rights" | "credentials"): Piece {
    const values = this.list(() => this.expression());
    this.position--;
    const byteLength = 16 + 4 * values.length;
    const at = this.allocate(byteLength + 8);
    this.store("8", at, String(byteLength));
    this.store("4", at + 8, "SOL_SOCKET");
    this.store("4", at + 12, kind === "rights" ? "SCM_RIGHTS" : "SCM_CREDENTIALS");
    values.forEach((value, index) => {
      this.store("4", at + 16 + 4 * index, value);
    });
    return { at, byteLength };
  }
}

/** As C has it: 0x is hexadecimal, a leading 0 octal. */
function numberOf(text: string): number {
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
}

export function compile(scenario: Scenario): CompiledScenario {
  const compiler = new Compiler();
  for (const line of scenario.script.split("\n")) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    try {
      compiler.line(line);
    } catch (error) {
      throw new SyntaxError(`${scenario.name}: ${line.trim()}: ${String(error)}`);
    }
  }
  return {
    name: scenario.name,
    needsRoot: scenario.needsRoot ?? false,
    calls: compiler.calls,
    steps: compiler.steps,
    memoryBytes: compiler.used,
  };
}
