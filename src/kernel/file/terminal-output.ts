/**
 * The output half of the line discipline (OPOST): newlines, carriage returns, tabs and capitals on their way to the terminal,
 * and the column where the cursor stands, which the editing of input lines needs.
 */
import { OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, XTABS } from "../../abi/terminal.ts";
import type { TerminalSettings } from "./terminal-settings.ts";

const TAB = 9;
const NEWLINE = 10;
const VERTICAL_TAB = 11;
const CARRIAGE_RETURN = 13;
const BACKSPACE = 8;
const SPACE = 32;
const TAB_COLUMNS = 8;

export class TerminalOutput {
  column = 0;
  private readonly settings: TerminalSettings;
  /** The device puts a carriage return before each newline itself, and cannot be told otherwise. */
  private readonly addsReturns: boolean;

  constructor(settings: TerminalSettings, addsReturns: boolean) {
    this.settings = settings;
    this.addsReturns = addsReturns;
  }

  /** How many bytes of input may be given to `process` so that no more than `room` come out, at worst. */
  capacity(room: number): number {
    return this.passesThrough() ? room : Math.floor(room / this.growth);
  }

  /** A copy of the bytes, as they go to the device. */
  process(source: Uint8Array, offset: number, length: number): Uint8Array {
    if (this.passesThrough()) {
      this.track(source, offset, length);
      return source.slice(offset, offset + length);
    }
    const flags = this.settings.outputFlags;
    const target = new Uint8Array(length * this.growth);
    let used = 0;
    for (let k = offset; k < offset + length; k++) used = this.put(source[k] as number, flags, target, used);
    return target.subarray(0, used);
  }

  /** The most bytes that one becomes. */
  private get growth(): number {
    return (this.settings.outputFlags & XTABS) === XTABS ? TAB_COLUMNS : 2;
  }

  /** Whether bytes reach the device as they are. */
  private passesThrough(): boolean {
    const flags = this.settings.outputFlags;
    const transforms = OLCUC | OCRNL | ONOCR | ONLRET;
    if (this.addsReturns)
      return (flags & (OPOST | ONLCR)) === (OPOST | ONLCR) && (flags & transforms) === 0 && (flags & XTABS) !== XTABS;
    return (flags & OPOST) === 0;
  }

  private put(byte: number, flags: number, target: Uint8Array, at: number): number {
    let used = at;
    if ((flags & OPOST) === 0) {
      target[used++] = byte === NEWLINE ? this.lineFeed() : byte;
      return used;
    }
    switch (byte) {
      case NEWLINE:
        if ((flags & ONLRET) !== 0) this.column = 0;
        if ((flags & ONLCR) === 0) {
          target[used++] = this.lineFeed();
          return used;
        }
        if (!this.addsReturns) target[used++] = CARRIAGE_RETURN;
        target[used++] = NEWLINE;
        this.column = 0;
        return used;
      case CARRIAGE_RETURN:
        if ((flags & ONOCR) !== 0 && this.column === 0) return used;
        if ((flags & OCRNL) !== 0) {
          if ((flags & ONLRET) !== 0) this.column = 0;
          target[used++] = this.lineFeed();
          return used;
        }
        this.column = 0;
        target[used++] = byte;
        return used;
      case TAB: {
        const columns = TAB_COLUMNS - (this.column % TAB_COLUMNS);
        this.column += columns;
        if ((flags & XTABS) !== XTABS) {
          target[used++] = byte;
          return used;
        }
        for (let k = 0; k < columns; k++) target[used++] = SPACE;
        return used;
      }
      default:
        this.advance(byte);
        target[used++] = (flags & OLCUC) !== 0 && byte >= 97 && byte <= 122 ? byte - 32 : byte;
        return used;
    }
  }

  /** A newline that must not return the carriage. Terminals take a vertical tab as just that, and no device adds anything to it. */
  private lineFeed(): number {
    return this.addsReturns ? VERTICAL_TAB : NEWLINE;
  }

  private advance(byte: number): void {
    if (byte === BACKSPACE) this.column = Math.max(0, this.column - 1);
    // The bytes that continue a character of UTF-8 take no place.
    else if (byte >= SPACE && (byte & 0xc0) !== 0x80) this.column++;
  }

  /** Follows the cursor through bytes that nothing is done to: only what comes after the last newline counts. */
  private track(source: Uint8Array, offset: number, length: number): void {
    const end = offset + length;
    let start = Math.max(offset, end - MOST_TRACKED_BYTES);
    if (start > offset) this.column = 0;
    for (let k = end - 1; k >= start; k--) {
      const byte = source[k] as number;
      if (byte !== NEWLINE && byte !== CARRIAGE_RETURN) continue;
      this.column = 0;
      start = k + 1;
      break;
    }
    for (let k = start; k < end; k++) {
      const byte = source[k] as number;
      if (byte === TAB) this.column += TAB_COLUMNS - (this.column % TAB_COLUMNS);
      else this.advance(byte);
    }
  }
}

/** Lines longer than this have wrapped long ago. */
const MOST_TRACKED_BYTES = 512;
