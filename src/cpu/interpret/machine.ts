/**
 * What an interpreted instruction works on: views of the state memory and of the guest's memory. A 64-bit value is two halves of
 * 32 bits, as JavaScript has no fast integer that wide. Flags are kept computed: most are looked at soon after they are set.
 */
import { NULL_GUARD, stateOffset } from "../state.ts";
import { conditionHolds } from "../translate/flags.ts";

/** What a handler says of where to go on. */
export const outcome = {
  /** The next instruction. */
  next: 0,
  /** To `target`, by a direct branch. */
  branch: 1,
  /** To `target`, by a call or an indirect branch. */
  call: 2,
  /** To `target`, by a return. */
  return: 3,
  /** The translator must do this one; nothing has changed. */
  translate: 4,
  /** `faultAddress` cannot be accessed; nothing has changed. */
  fault: 5,
  supervisorCall: 6,
  /** Stops for what the handler left in the state, the program counter included. */
  stop: 7,
  /** As a fault, of an atomic access. */
  misaligned: 8,
} as const;

/** Interprets one word of the handler's line, which the machine's pc points to. Returns one of `outcome`. */
export type Handler = (machine: Machine, word: number) => number;

/** For each condition, a bit for each value of NZCV. */
const conditionMasks = Int32Array.from({ length: 16 }, (_, condition) => {
  let mask = 0;
  for (let nzcv = 0; nzcv < 16; nzcv++) if (conditionHolds(condition, nzcv)) mask |= 1 << nzcv;
  return mask;
});

/** Code that is this far apart is not told apart in what was reached. */
const REACHED_BYTES = 1 << 20;
const NZCV_WORD = stateOffset.nzcv >> 2;
const VECTOR_WORD = stateOffset.v >> 2;
const NO_BYTES = new ArrayBuffer(0);

export class Machine {
  /** The state memory in words; x[2n] and x[2n + 1] are the halves of Xn, or of SP for 31. */
  x: Int32Array = new Int32Array(NO_BYTES);
  /** The state memory in lanes of 1, 2 and 4 bytes by the exponent of their size, and as floating-point numbers. */
  unsignedLanes: readonly (Uint8Array | Uint16Array | Uint32Array)[] = [];
  signedLanes: readonly (Int8Array | Int16Array | Int32Array)[] = [];
  singles: Float32Array = new Float32Array(NO_BYTES);
  doubles: Float64Array = new Float64Array(NO_BYTES);
  /** The state memory for instructions that are executed in software. */
  state: DataView = new DataView(NO_BYTES);
  /** Whether the exception flags of floating point are wanted, which its own arithmetic does not tell. */
  keepsFloatExceptions = false;
  guest: DataView = new DataView(NO_BYTES);
  guestWords: Int32Array = new Int32Array(NO_BYTES);
  /** Bytes of guest memory. */
  limit = 0;
  /** The instruction that is interpreted. */
  pc = 0;
  target = 0;
  faultAddress = 0;
  /** By instruction, one byte each: whether control came there by a branch, or by one that was not taken. */
  readonly #reached = new Uint8Array(REACHED_BYTES >>> 2);
  /** Halves of the latest 64-bit result. */
  low = 0;
  high = 0;

  useState(buffer: ArrayBuffer): void {
    this.x = new Int32Array(buffer);
    this.state = new DataView(buffer);
    this.unsignedLanes = [new Uint8Array(buffer), new Uint16Array(buffer), new Uint32Array(buffer)];
    this.signedLanes = [new Int8Array(buffer), new Int16Array(buffer), this.x];
    this.singles = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  useGuest(buffer: ArrayBufferLike): void {
    if (this.guest.buffer === buffer) return;
    this.guest = new DataView(buffer);
    this.guestWords = new Int32Array(buffer);
    this.limit = buffer.byteLength;
  }

  /** Notes that a block that begins here is executed. */
  reach(address: number): void {
    this.#reached[(address & (REACHED_BYTES - 1)) >>> 2] = 1;
  }
  /** Whether a block that begins here has been executed, as far as is known: where not, it is surely cold. */
  hasReached(address: number): boolean {
    return this.#reached[(address & (REACHED_BYTES - 1)) >>> 2] !== 0;
  }

  /** The low half of Xn, or zero for 31. */
  lowOf(register: number): number {
    return register === 31 ? 0 : (this.x[register << 1] as number);
  }
  highOf(register: number): number {
    return register === 31 ? 0 : (this.x[(register << 1) | 1] as number);
  }
  /** The low half of Xn, or of SP for 31. */
  lowOrSp(register: number): number {
    return this.x[register << 1] as number;
  }
  highOrSp(register: number): number {
    return this.x[(register << 1) | 1] as number;
  }

  set(register: number, low: number, high: number): void {
    if (register === 31) return;
    this.x[register << 1] = low;
    this.x[(register << 1) | 1] = high;
  }
  setOrSp(register: number, low: number, high: number): void {
    this.x[register << 1] = low;
    this.x[(register << 1) | 1] = high;
  }
  /** Sets the register to the latest 64-bit result if `wide`, else to its low half. */
  setResult(register: number, wide: boolean): void {
    this.set(register, this.low, wide ? this.high : 0);
  }

  /** N, Z, C, V as bits 3 to 0. */
  get nzcv(): number {
    return (this.x[NZCV_WORD] as number) >>> 28;
  }
  set nzcv(value: number) {
    this.x[NZCV_WORD] = value << 28;
  }

  holds(condition: number): boolean {
    return (((conditionMasks[condition] as number) >>> ((this.x[NZCV_WORD] as number) >>> 28)) & 1) === 1;
  }

  /** a + b + carry; AddWithCarry in the manual. */
  addWide(aLow: number, aHigh: number, bLow: number, bHigh: number, carry: number, setsFlags: boolean): void {
    const low = (aLow + bLow + carry) | 0;
    const middle = ((aLow & bLow) | ((aLow | bLow) & ~low)) >>> 31;
    const high = (aHigh + bHigh + middle) | 0;
    this.low = low;
    this.high = high;
    if (setsFlags) this.#setFlags(aHigh, bHigh, high, (low | high) === 0);
  }

  addNarrow(a: number, b: number, carry: number, setsFlags: boolean): void {
    const sum = (a + b + carry) | 0;
    this.low = sum;
    this.high = 0;
    if (setsFlags) this.#setFlags(a, b, sum, sum === 0);
  }

  /** From the top words of operands and result. */
  #setFlags(a: number, b: number, sum: number, isZero: boolean): void {
    const carry = ((a & b) | ((a | b) & ~sum)) >>> 31;
    const overflow = ((a ^ sum) & (b ^ sum)) >>> 31;
    this.x[NZCV_WORD] = (sum & 0x80000000) | (isZero ? 1 << 30 : 0) | (carry << 29) | (overflow << 28);
  }

  /** N and Z of the latest result; C and V are zero. */
  setLogicFlags(wide: boolean): void {
    const isZero = (wide ? this.low | this.high : this.low) === 0;
    this.x[NZCV_WORD] = ((wide ? this.high : this.low) & 0x80000000) | (isZero ? 1 << 30 : 0);
  }

  /** Whether this many bytes can be accessed at an address (unsigned); if not, faultAddress is the address. */
  reaches(address: number, byteLength: number): boolean {
    if (address >= NULL_GUARD && address + byteLength <= this.limit) return true;
    this.faultAddress = address;
    return false;
  }

  /** Shifts a 64-bit value by 0 to 63. */
  shiftLeft(low: number, high: number, amount: number): void {
    if (amount >= 32) {
      this.high = low << (amount - 32);
      this.low = 0;
    } else {
      this.high = amount === 0 ? high : (high << amount) | (low >>> (32 - amount));
      this.low = low << amount;
    }
  }
  shiftRight(low: number, high: number, amount: number): void {
    if (amount >= 32) {
      this.low = high >>> (amount - 32);
      this.high = 0;
    } else {
      this.low = amount === 0 ? low : (low >>> amount) | (high << (32 - amount));
      this.high = high >>> amount;
    }
  }
  shiftRightSigned(low: number, high: number, amount: number): void {
    if (amount >= 32) {
      this.low = high >> (amount - 32);
      this.high = high >> 31;
    } else {
      this.low = amount === 0 ? low : (low >>> amount) | (high << (32 - amount));
      this.high = high >> amount;
    }
  }
  rotateRight(low: number, high: number, amount: number): void {
    const a = amount >= 32 ? high : low;
    const b = amount >= 32 ? low : high;
    const rest = amount & 31;
    this.low = rest === 0 ? a : (a >>> rest) | (b << (32 - rest));
    this.high = rest === 0 ? b : (b >>> rest) | (a << (32 - rest));
  }

  /** Rm's value shifted as the bits of a shifted-register form say, as the latest result. */
  shift(low: number, high: number, kind: number, amount: number, wide: boolean): void {
    if (amount === 0) {
      this.low = low;
      this.high = wide ? high : 0;
      return;
    }
    if (wide) {
      if (kind === 0) this.shiftLeft(low, high, amount);
      else if (kind === 1) this.shiftRight(low, high, amount);
      else if (kind === 2) this.shiftRightSigned(low, high, amount);
      else this.rotateRight(low, high, amount);
      return;
    }
    const by = amount & 31;
    this.high = 0;
    if (kind === 0) this.low = low << by;
    else if (kind === 1) this.low = (low >>> by) | 0;
    else if (kind === 2) this.low = low >> by;
    else this.low = (low >>> by) | (by === 0 ? 0 : low << (32 - by));
  }

  /** The whole product of two unsigned words. */
  multiplyWords(a: number, b: number): void {
    const aLow = a & 0xffff;
    const aHigh = a >>> 16;
    const bLow = b & 0xffff;
    const bHigh = b >>> 16;
    const first = aLow * bHigh;
    const second = aHigh * bLow;
    const middle = ((aLow * bLow) >>> 16) + (first & 0xffff) + (second & 0xffff);
    this.low = Math.imul(a, b);
    this.high = (aHigh * bHigh + (first >>> 16) + (second >>> 16) + (middle >>> 16)) | 0;
  }

  /** The low 64 bits of a product. */
  multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
    this.multiplyWords(aLow, bLow);
    this.high = (this.high + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) | 0;
  }

  /** The index of a vector register's first lane in a view of lanes of 1 << size bytes. */
  lanesOf(register: number, size: number): number {
    return (stateOffset.v >> size) + (register << (4 - size));
  }

  setVector(register: number, first: number, second: number, third: number, fourth: number): void {
    const at = VECTOR_WORD + (register << 2);
    const { x } = this;
    x[at] = first;
    x[at + 1] = second;
    x[at + 2] = third;
    x[at + 3] = fourth;
  }
  /** One of a vector register's four words. */
  vectorWord(register: number, index: number): number {
    return this.x[VECTOR_WORD + (register << 2) + index] as number;
  }
}
