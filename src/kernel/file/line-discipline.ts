/**
 * The input half of N_TTY, the line discipline: what is typed becomes lines that can be edited until they end, or bytes as they
 * come; the echo; and the characters that mean signals, a halt of the output, or the end of the input (termios(3)).
 */
import { SIGINT, SIGQUIT, SIGTSTP } from "../../abi/signal.ts";
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  IMAXBEL,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IUTF8,
  IXANY,
  IXON,
  NOFLSH,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VTIME,
  VWERASE,
} from "../../abi/terminal.ts";
import type { TerminalSettings } from "./terminal-settings.ts";

/** What a discipline needs from the terminal that it belongs to. */
export interface DisciplineOwner {
  /** Takes the echo: at once, or loses it. */
  echo(bytes: Uint8Array): void;
  /** The column where the cursor stands. */
  readonly column: number;
  /** For the foreground process group. */
  signal(signal: number): void;
  /** Ctrl-S and Ctrl-Q. */
  setOutputStopped(on: boolean): void;
  /** A signal discards what was written and not yet shown. */
  discardOutput(): void;
}

/** N_TTY_BUF_SIZE; a power of two. */
const BUFFER_BYTES = 4096;
const MASK = BUFFER_BYTES - 1;
const BELL = 7;
const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const CIRCUMFLEX = 0x5e;
const DELETE = 127;
const TAB_COLUMNS = 8;
const ECHO_BYTES = 512;

/** Marks in the buffer: a byte that ends a line, and one that ends it without belonging to it. */
const LINE_END = 1;
const END_OF_FILE = 2;

export class LineDiscipline {
  private readonly settings: TerminalSettings;
  private readonly owner: DisciplineOwner;
  private readonly bytes = new Uint8Array(BUFFER_BYTES);
  private readonly marks = new Uint8Array(BUFFER_BYTES);
  /** Counts of bytes since the beginning; their places in the buffer are the low bits. */
  private readCount = 0;
  /** Up to here lines are complete. */
  private lineCount = 0;
  private writeCount = 0;
  private takesNextLiterally = false;
  /** Where the echo of the line under way began. */
  private lineColumn = 0;
  /** The echo of what was typed at once goes out at once. */
  private readonly echoed = new Uint8Array(ECHO_BYTES);
  private echoedBytes = 0;

  constructor(settings: TerminalSettings, owner: DisciplineOwner) {
    this.settings = settings;
    this.owner = owner;
  }

  /** Bytes that a read may take now: those of complete lines in canonical mode, where an end of file counts. */
  get readableBytes(): number {
    return (this.settings.isCanonical ? this.lineCount : this.writeCount) - this.readCount;
  }

  /** FIONREAD. */
  get countedBytes(): number {
    let count = this.readableBytes;
    if (!this.settings.isCanonical) return count;
    for (let at = this.readCount; at < this.lineCount; at++) if (this.marks[at & MASK] === END_OF_FILE) count--;
    return count;
  }

  /** poll(2): with VMIN set and no timer, only so many bytes count as input. */
  get isReadable(): boolean {
    const minimum = this.settings.isCanonical || this.time > 0 ? 1 : Math.max(1, this.minimum);
    return this.readableBytes >= minimum;
  }

  get minimum(): number {
    return this.settings.controlCharacters[VMIN] as number;
  }

  /** VTIME, in tenths of a second. */
  get time(): number {
    return this.settings.controlCharacters[VTIME] as number;
  }

  /** Takes what was typed; how many bytes were taken. What is left over has to wait until somebody reads. */
  receive(source: Uint8Array, offset: number, length: number): number {
    let taken = 0;
    while (taken < length && this.receiveByte(source[offset + taken] as number)) taken++;
    this.flushEcho();
    return taken;
  }

  /** Whether something that is typed now would be taken. */
  get acceptsInput(): boolean {
    return this.hasRoom() || (this.settings.isCanonical && this.lineCount <= this.readCount);
  }

  /** One line at most in canonical mode; 0 is the end of the file there. The caller knows that something is readable. */
  read(buffer: Uint8Array, offset: number, length: number): number {
    const isCanonical = this.settings.isCanonical;
    const end = isCanonical ? this.lineCount : this.writeCount;
    let done = 0;
    while (done < length && this.readCount < end) {
      const at = this.readCount++ & MASK;
      const mark = isCanonical ? this.marks[at] : 0;
      if (mark === END_OF_FILE) break;
      buffer[offset + done++] = this.bytes[at] as number;
      if (mark === LINE_END) break;
    }
    return done;
  }

  discardInput(): void {
    this.readCount = 0;
    this.lineCount = 0;
    this.writeCount = 0;
    this.takesNextLiterally = false;
  }

  /** The settings changed from or to canonical mode: what was typed can be read as it is, or is a line. */
  modeChanged(): void {
    this.takesNextLiterally = false;
    this.marks.fill(0);
    if (this.settings.isCanonical && this.writeCount > this.readCount)
      this.marks[(this.writeCount - 1) & MASK] = LINE_END;
    this.lineCount = this.writeCount;
  }

  /** False: there is no room for it. */
  private receiveByte(typed: number): boolean {
    const { inputFlags, localFlags } = this.settings;
    let byte = (inputFlags & ISTRIP) === 0 ? typed : typed & 0x7f;
    if (this.takesNextLiterally) {
      if (!this.hasRoom()) return this.overflows();
      this.takesNextLiterally = false;
      this.echoTyped(byte);
      this.put(byte, 0);
      return true;
    }
    const isExtended = (localFlags & IEXTEN) !== 0;
    if ((inputFlags & IUCLC) !== 0 && isExtended && byte >= 65 && byte <= 90) byte += 32;
    if ((inputFlags & IXON) !== 0) {
      if (this.is(byte, VSTART)) {
        this.owner.setOutputStopped(false);
        return true;
      }
      if (this.is(byte, VSTOP)) {
        this.owner.setOutputStopped(true);
        return true;
      }
    }
    if ((localFlags & ISIG) !== 0) {
      const signal = this.signalOf(byte);
      if (signal !== 0) {
        this.raise(signal, byte);
        return true;
      }
    }
    if ((inputFlags & (IXON | IXANY)) === (IXON | IXANY)) this.owner.setOutputStopped(false);
    if (byte === CARRIAGE_RETURN) {
      if ((inputFlags & IGNCR) !== 0) return true;
      if ((inputFlags & ICRNL) !== 0) byte = NEWLINE;
    } else if (byte === NEWLINE && (inputFlags & INLCR) !== 0) byte = CARRIAGE_RETURN;
    if ((localFlags & ICANON) !== 0) return this.receiveCanonical(byte, isExtended);
    if (!this.hasRoom()) return false;
    this.echoTyped(byte);
    this.put(byte, 0);
    return true;
  }

  private receiveCanonical(byte: number, isExtended: boolean): boolean {
    const echoes = (this.settings.localFlags & ECHO) !== 0;
    if (this.is(byte, VERASE)) return this.erase(1);
    if (this.is(byte, VKILL)) return this.kill();
    if (isExtended && this.is(byte, VWERASE)) return this.eraseWord();
    if (isExtended && this.is(byte, VLNEXT)) {
      this.takesNextLiterally = true;
      // The circumflex shows that something is to follow, and is written over by it.
      if (echoes && (this.settings.localFlags & ECHOCTL) !== 0) {
        this.echo(CIRCUMFLEX);
        this.echo(BACKSPACE);
      }
      return true;
    }
    if (isExtended && echoes && this.is(byte, VREPRINT)) {
      this.echoTyped(byte);
      this.echo(NEWLINE);
      this.lineColumn = 0;
      for (let at = this.lineCount; at < this.writeCount; at++) this.echoCharacter(this.bytes[at & MASK] as number);
      return true;
    }
    const isEnd = this.is(byte, VEOF);
    const isLineEnd = isEnd || byte === NEWLINE || this.is(byte, VEOL) || (isExtended && this.is(byte, VEOL2));
    if (isLineEnd) {
      // The last place is kept for it.
      if (this.writeCount - this.readCount >= BUFFER_BYTES) return false;
      if (byte === NEWLINE) {
        if (echoes || (this.settings.localFlags & ECHONL) !== 0) this.echo(NEWLINE);
      } else if (!isEnd) this.echoTyped(byte);
      this.put(isEnd ? 0 : byte, isEnd ? END_OF_FILE : LINE_END);
      this.lineCount = this.writeCount;
      return true;
    }
    if (!this.hasRoom()) return this.overflows();
    this.echoTyped(byte);
    this.put(byte, 0);
    return true;
  }

  private is(byte: number, place: number): boolean {
    // _POSIX_VDISABLE: a character that is 0 is none.
    return byte !== 0 && this.settings.controlCharacters[place] === byte;
  }

  private signalOf(byte: number): number {
    if (this.is(byte, VINTR)) return SIGINT;
    if (this.is(byte, VQUIT)) return SIGQUIT;
    return this.is(byte, VSUSP) ? SIGTSTP : 0;
  }

  private raise(signal: number, byte: number): void {
    this.owner.setOutputStopped(false);
    if ((this.settings.localFlags & NOFLSH) === 0) {
      this.discardInput();
      this.flushEcho();
      this.owner.discardOutput();
    }
    this.echoTyped(byte);
    this.flushEcho();
    this.owner.signal(signal);
  }

  private hasRoom(): boolean {
    return this.writeCount - this.readCount < BUFFER_BYTES - 1;
  }

  /**
   * No room: a line that grows beyond the buffer loses what comes, so that it can still be ended. Where lines are there to be
   * read, what comes waits.
   */
  private overflows(): boolean {
    if (!this.settings.isCanonical || this.lineCount > this.readCount) return false;
    this.takesNextLiterally = false;
    if ((this.settings.inputFlags & IMAXBEL) !== 0) this.echo(BELL);
    return true;
  }

  private put(byte: number, mark: number): void {
    const at = this.writeCount++ & MASK;
    this.bytes[at] = byte;
    this.marks[at] = mark;
  }

  private echo(byte: number): void {
    if (this.echoedBytes === ECHO_BYTES) this.flushEcho();
    this.echoed[this.echoedBytes++] = byte;
  }

  private flushEcho(): void {
    if (this.echoedBytes === 0) return;
    this.owner.echo(this.echoed.subarray(0, this.echoedBytes));
    this.echoedBytes = 0;
  }

  /** The echo of a byte that is put at the end of the line. */
  private echoTyped(byte: number): void {
    if ((this.settings.localFlags & ECHO) === 0) return;
    if (this.writeCount === this.lineCount) {
      this.flushEcho();
      this.lineColumn = this.owner.column;
    }
    this.echoCharacter(byte);
  }

  private echoCharacter(byte: number): void {
    if (this.isShownAsControl(byte)) {
      this.echo(CIRCUMFLEX);
      this.echo(byte ^ 0x40);
    } else this.echo(byte);
  }

  private isShownAsControl(byte: number): boolean {
    if (byte === TAB || (byte === NEWLINE && !this.settings.isCanonical)) return false;
    return isControl(byte) && (this.settings.localFlags & ECHOCTL) !== 0;
  }

  /** Takes back characters at the end of the line under way. */
  private erase(characters: number): true {
    for (let k = 0; k < characters && this.writeCount > this.lineCount; k++) {
      let start = this.writeCount - 1;
      if ((this.settings.inputFlags & IUTF8) !== 0) {
        while (start > this.lineCount && isContinuation(this.bytes[start & MASK] as number)) start--;
      }
      this.writeCount = start;
      if ((this.settings.localFlags & ECHO) === 0) continue;
      if ((this.settings.localFlags & ECHOE) !== 0) this.rubOut(this.bytes[start & MASK] as number);
      else this.echoCharacter(this.settings.controlCharacters[VERASE] as number);
    }
    return true;
  }

  private eraseWord(): true {
    let hasSeenWord = false;
    while (this.writeCount > this.lineCount) {
      const isWord = isWordCharacter(this.bytes[(this.writeCount - 1) & MASK] as number);
      if (hasSeenWord && !isWord) break;
      hasSeenWord ||= isWord;
      this.erase(1);
    }
    return true;
  }

  private kill(): true {
    const { localFlags } = this.settings;
    const rubsOut = ECHO | ECHOE | ECHOK | ECHOKE;
    if ((localFlags & rubsOut) === rubsOut) return this.erase(BUFFER_BYTES);
    this.writeCount = this.lineCount;
    if ((localFlags & ECHO) !== 0) {
      this.echoCharacter(this.settings.controlCharacters[VKILL] as number);
      if ((localFlags & ECHOK) !== 0) this.echo(NEWLINE);
    }
    return true;
  }

  /** Wipes an echoed character, which stood at the end of the line and is no longer in the buffer. */
  private rubOut(byte: number): void {
    if (byte === TAB) {
      const before = this.columnAt(this.writeCount);
      for (let columns = TAB_COLUMNS - (before % TAB_COLUMNS); columns > 0; columns--) this.echo(BACKSPACE);
      return;
    }
    if (isControl(byte) && !this.isShownAsControl(byte)) return;
    // A control character takes two columns.
    for (let columns = isControl(byte) ? 2 : 1; columns > 0; columns--) {
      this.echo(BACKSPACE);
      this.echo(SPACE);
      this.echo(BACKSPACE);
    }
  }

  /** The column behind the first bytes of the line under way. */
  private columnAt(end: number): number {
    let column = this.lineColumn;
    for (let at = this.lineCount; at < end; at++) {
      const byte = this.bytes[at & MASK] as number;
      if (byte === TAB) column += TAB_COLUMNS - (column % TAB_COLUMNS);
      else if (this.isShownAsControl(byte)) column += 2;
      else if (!isControl(byte) && !isContinuation(byte)) column++;
    }
    return column;
  }
}

function isControl(byte: number): boolean {
  return byte < SPACE || byte === DELETE;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Letters, digits, the underscore, and whatever lies beyond ASCII. */
function isWordCharacter(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 95 || byte > 127
  );
}
