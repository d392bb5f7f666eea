/**
 * The CPU's cold tier: runs code at once, instruction by instruction, on the same state as translated code, until an address has
 * been reached so often that translating it pays, or an instruction needs the translator. It reads each word anew, so that code
 * that changes is never run stale, and after a fault the registers are those of the instruction that faulted.
 *
 * Towards translated code it is a translated function: it is called with an address and the depth of calls, and returns the address
 * to go on at, or STOP. So calls stay calls whichever tier the caller and the callee are in.
 */
import { flagKind, NULL_GUARD, PAGE_SHIFT, STOP, stateOffset, stopCode } from "../state.ts";
import { handlerOf } from "./handlers.ts";
import { Machine, outcome } from "./machine.ts";

export interface InterpreterOptions {
  readonly state: WebAssembly.Memory;
  readonly memory: WebAssembly.Memory;
  /** How often an address is branched or called to before it is translated. */
  readonly threshold: number;
  /** Whether floating point is executed in software for its exception flags. */
  readonly keepsFloatExceptions: boolean;
  /** Whether translated code is at hand for an address that is reached for the first time. */
  isKnown(address: number): boolean;
  /** An address has been reached so often that it may be translated along with another. */
  onWarm(address: number): void;
  /** Calls the translated function of an address, which is translated if need be. */
  enter(address: number, depth: number): number;
  /** Called at SVC with the registers in the state; 0: go on behind it. */
  supervisorCall(): number;
  /** Whether code may be fetched from the page at this address. */
  isExecutable(address: number): boolean;
}

const COUNTER_BITS = 15;
/** Pages remembered of those that code may be fetched from. */
const EXECUTABLE_PAGES = 256;
const NO_PAGE = -1;
/** The counter of an address that goes on in translated code. */
const MARKED = 0xffff;
/** The part of the threshold from where on an address is taken along when what calls it is translated. */
const CALLED_DIVISOR = 8;
/** The part of it from where on an address is taken along by anything. */
const WARM_PART = 0.75;
const MAXIMUM_WARM = 64;
/** Calls under way before translated code is left to the dispatcher. An interpreter under way takes more of the host's stack. */
const MAXIMUM_DEPTH = 300;
const DEPTH_STEP = 2;
/** Nested calls that the host's stack must have room for, where an instruction is interpreted. */
const ROOM = 24;
const PC = stateOffset.pc >> 2;
const REASON = stateOffset.stop >> 2;
const DETAIL = stateOffset.detail >> 2;
/** So many instructions without a loop or a call are interpreted until others get their turn, whatever the budget. */
const UNBROKEN_INSTRUCTIONS = 16_384;
const BUDGET = stateOffset.budget >> 2;
const FLAG_KIND = stateOffset.flagKind >> 2;
const FLAG_A = stateOffset.flagA >> 2;
const FLAG_B = stateOffset.flagB >> 2;

export class Interpreter {
  /** Instructions interpreted so far. */
  instructions = 0;
  readonly #options: InterpreterOptions;
  readonly #machine = new Machine();
  /** How often addresses were reached, by a hash: those that share a counter are translated a little early. */
  readonly #counters = new Uint16Array(1 << COUNTER_BITS);

  /** By the lower bits of their numbers: pages that code may be fetched from. */
  readonly #executablePages = new Int32Array(EXECUTABLE_PAGES).fill(NO_PAGE);

  /** Addresses that reached this count, and what it is. */
  #warm: number[] = [];
  readonly #warmCount: number;
  readonly #isShared: boolean;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#warmCount = Math.ceil(options.threshold * WARM_PART);
    this.#isShared = !(options.memory.buffer instanceof ArrayBuffer);
    this.#machine.keepsFloatExceptions = options.keepsFloatExceptions;
  }

  /** Counts an arrival at an address; whether to go on in translated code. */
  count(address: number): boolean {
    const slot = slotOf(address);
    const count = this.#counters[slot] as number;
    if (count === MARKED || count >= this.#options.threshold) return true;
    if (count > 0 || !this.#options.isKnown(address)) {
      if (count < MARKED - 1) this.#counters[slot] = count + 1;
      if (count + 1 === this.#warmCount) {
        if (this.#warm.length < MAXIMUM_WARM) this.#warm.push(address);
        this.#options.onWarm(address);
      }
      return false;
    }
    this.#counters[slot] = MARKED;
    return true;
  }

  /** Whether it looks as if a block that begins at this address is executed. */
  hasReached(address: number): boolean {
    return this.#machine.hasReached(address);
  }

  /** Addresses that are about to be translated anyway, since last asked: fewer modules are made if they are taken along. */
  takeWarm(): number[] {
    if (this.#warm.length === 0) return none;
    const warm = this.#warm;
    this.#warm = [];
    return warm;
  }

  /** Whether an address is often called: often enough for it to be taken along by what calls it. */
  isCalledOften(address: number): boolean {
    return (this.#counters[slotOf(address)] as number) >= this.#options.threshold / CALLED_DIVISOR;
  }

  /** Has an address go on in translated code from now on. */
  mark(address: number): void {
    this.#counters[slotOf(address)] = MARKED;
  }

  /** To be called when code may not be fetched any more from where it could be. */
  forgetPermissions(): void {
    this.#executablePages.fill(NO_PAGE);
  }

  /** Forgets how often addresses of a range were reached, and whether code may be fetched there. */
  forget(start: number, end: number): void {
    this.forgetPermissions();
    if (end - start >= 4 << COUNTER_BITS) this.#counters.fill(0);
    else for (let address = start; address < end; address += 4) this.#counters[slotOf(address)] = 0;
  }

  /** Runs from an address, which the state need not know, until it returns from where it was called, or stops. */
  run(start: number, depth: number): number {
    // The dispatcher, with all of the stack, calls again.
    if (depth > 0 && !hasRoom()) return start | 0;
    const { enter } = this.#options;
    const machine = this.#machine;
    this.#refresh();
    let { x, guestWords } = machine;
    let pc = start;
    machine.reach(start);
    let runStart = start;
    /** Calls interpreted here and not returned from. */
    let frames = 0;
    /** Instructions since the budget was looked at. */
    let unbroken = 0;
    /** Where fetching is known to be allowed. */
    let fetchStart = 0;
    let fetchEnd = 0;
    for (;;) {
      if (pc < fetchStart || pc >= fetchEnd || (pc & 3) !== 0) {
        if (unbroken + ((pc - runStart) >>> 2) > UNBROKEN_INSTRUCTIONS) return this.#stop(stopCode.budget, pc, 0);
        if (!this.#canFetch(pc)) return this.#stop(stopCode.fetchFault, pc, pc);
        fetchStart = (pc >>> PAGE_SHIFT) * 2 ** PAGE_SHIFT;
        fetchEnd = fetchStart + 2 ** PAGE_SHIFT;
      }
      const word = guestWords[pc >>> 2] as number;
      machine.pc = pc;
      const result = handlerOf(word)(machine, word);
      if (result === outcome.next) {
        pc += 4;
        continue;
      }
      this.instructions += ((pc - runStart) >>> 2) + 1;
      let goesOn = false;
      if (result <= outcome.return) {
        const { target } = machine;
        const isForward = result === outcome.branch && target > pc;
        unbroken += ((pc - runStart) >>> 2) + 1;
        pc = target;
        runStart = pc;
        machine.reach(pc);
        if (isForward && unbroken < UNBROKEN_INSTRUCTIONS) continue;
        unbroken = 0;
        const budget = ((x[BUDGET] as number) - 1) | 0;
        x[BUDGET] = budget;
        if (budget < 0) return this.#stop(stopCode.budget, pc, 0);
        if (result === outcome.return) {
          // Whoever called this knows best; a wrong address faults here.
          if (--frames < 0 && pc >= NULL_GUARD && (pc & 3) === 0) return pc | 0;
          continue;
        }
        if (result === outcome.call) frames++;
        goesOn = this.count(pc);
      } else if (result === outcome.supervisorCall) {
        this.#stop(stopCode.supervisorCall, pc + 4, (word >>> 5) & 0xffff);
        if (this.#options.supervisorCall() !== 0) return STOP;
        // The memory may have grown, and may be another program's.
        this.#refresh();
        ({ x, guestWords } = machine);
        fetchEnd = 0;
        pc += 4;
        runStart = pc;
        continue;
      } else if (result === outcome.fault) {
        return this.#stop(stopCode.dataFault, pc, machine.faultAddress);
      } else if (result === outcome.misaligned) {
        return this.#stop(stopCode.misaligned, pc, machine.faultAddress);
      } else if (result === outcome.stop) {
        return STOP;
      } else {
        this.instructions--;
        this.mark(pc);
        goesOn = true;
      }
      if (!goesOn) continue;
      if (depth >= MAXIMUM_DEPTH) return pc | 0;
      const next = enter(pc, depth + DEPTH_STEP);
      if (next === STOP || --frames < 0) return next;
      this.#refresh();
      ({ x, guestWords } = machine);
      fetchEnd = 0;
      pc = next >>> 0;
      runStart = pc;
    }
  }

  #canFetch(pc: number): boolean {
    if ((pc & 3) !== 0) return false;
    const page = pc >>> PAGE_SHIFT;
    const slot = page & (EXECUTABLE_PAGES - 1);
    if (this.#executablePages[slot] === page) return true;
    if (pc < NULL_GUARD || pc >= this.#machine.limit || !this.#options.isExecutable(pc)) return false;
    this.#executablePages[slot] = page;
    return true;
  }

  #stop(code: number, pc: number, detail: number): number {
    const { x } = this.#machine;
    x[PC] = pc;
    x[REASON] = code;
    x[DETAIL] = detail;
    return STOP;
  }

  /** Takes up what others have changed: memories that grew, flags that translated code left uncomputed. */
  #refresh(): void {
    const machine = this.#machine;
    // Views of a memory that has grown have no length any more, but for a shared one.
    if (machine.x.length === 0) machine.useState(this.#options.state.buffer);
    if (machine.guestWords.length === 0 || this.#isShared) machine.useGuest(this.#options.memory.buffer);
    if (machine.x[FLAG_KIND] !== flagKind.computed) this.#computeFlags();
  }

  #computeFlags(): void {
    const machine = this.#machine;
    const { x } = machine;
    const kind = x[FLAG_KIND] as number;
    x[FLAG_KIND] = flagKind.computed;
    const aLow = x[FLAG_A] as number;
    const aHigh = x[FLAG_A + 1] as number;
    const bLow = x[FLAG_B] as number;
    const bHigh = x[FLAG_B + 1] as number;
    switch (kind) {
      case flagKind.sub:
        machine.addNarrow(aLow, ~bLow, 1, true);
        break;
      case flagKind.sub + 1:
        machine.addWide(aLow, aHigh, ~bLow, ~bHigh, 1, true);
        break;
      case flagKind.add:
        machine.addNarrow(aLow, bLow, 0, true);
        break;
      case flagKind.add + 1:
        machine.addWide(aLow, aHigh, bLow, bHigh, 0, true);
        break;
      default:
        machine.low = aLow;
        machine.high = aHigh;
        machine.setLogicFlags(kind === flagKind.logic + 1);
    }
  }
}

const none: number[] = [];

function slotOf(address: number): number {
  return Math.imul(address >>> 2, 0x9e3779b1) >>> (32 - COUNTER_BITS);
}

/** Whether the host's stack has room for what an instruction needs, so that none is left half done. */
function hasRoom(): boolean {
  try {
    return nest(ROOM) === ROOM;
  } catch {
    return false;
  }
}

function nest(levels: number): number {
  return levels === 0 ? 0 : nest(levels - 1) + 1;
}
