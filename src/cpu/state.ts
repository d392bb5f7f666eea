/**
 * The layout of the state memory (the registers of the running thread, and why it stopped) and of the map memory (from guest
 * addresses to translated functions). They are memories 1 and 2 of every translated module; the guest cannot reach them.
 */

/** Byte offsets. X0 to X30 stand at 8 × number, SP as number 31; V registers 16 bytes each. */
export const stateOffset = {
  x: 0,
  sp: 248,
  /** The program counter as u32: where to go on. */
  pc: 256,
  /** One of stopCode. */
  stop: 260,
  /** N, Z, C, V in bits 31 to 28, as NZCV, if flagKind is 0. */
  nzcv: 264,
  /** Loop headers and function entries left before the CPU stops. */
  budget: 268,
  v: 272,
  fpcr: 784,
  fpsr: 788,
  tpidr: 792,
  /** Guest address of the exclusive monitor, or noExclusive. */
  exclusiveAddress: 800,
  /** The word, immediate or address that the stop is about. */
  detail: 804,
  exclusiveLow: 808,
  exclusiveHigh: 816,
  /** CNTVCT_EL0 as seen by the guest; the owner sets it before running. */
  counter: 824,
  /** One of flagKind: not 0 = the flags follow from the operands here, and nzcv is stale. See Cpu.nzcv. */
  flagKind: 832,
  flagA: 840,
  flagB: 848,
  /** The last branch to a register that left its region: the region's first entry, and where it went. */
  indirectFrom: 864,
  indirectTo: 868,
} as const;

/** How flags that were left uncomputed follow from the operands in the state; the wide kind is one more than the narrow. */
export const flagKind = { computed: 0, sub: 1, add: 3, logic: 5 } as const;

/** Bytes that make up one thread: save and restore these to switch threads. */
export const STATE_BYTES = 864;

export const noExclusive = -1;

/** Why translated code returned, in stateOffset.stop. */
export const stopCode = {
  none: 0,
  supervisorCall: 1,
  unknownInstruction: 2,
  breakpoint: 3,
  budget: 4,
  /** Not translated yet; the translator's own affair. */
  miss: 5,
  /** Fetching outside memory. */
  fetchFault: 6,
  /** IC IVAU; the translator's own affair. detail = address. */
  invalidate: 7,
  /** Go on from the state: code was taken out that calls under way might return to. */
  again: 9,
  /** An access that the page's permissions forbid; detail = address. */
  forbidden: 10,
  /** FPCR was written: go on in the flavour of code for it. The translator's own affair. */
  floatControl: 8,
  /** An interpreted access outside memory; detail = address. */
  dataFault: 11,
  /** An interpreted atomic access; detail = address. */
  misaligned: 12,
} as const;

/** What a page may be used for, as in mmap's PROT_READ, PROT_WRITE and PROT_EXEC. */
export const permission = { read: 1, write: 2, execute: 4 } as const;
/** In the state memory, of CPUs that check them: the permissions of guest pages, one byte each. */
export const PERMISSIONS = 65536;
export const PERMISSION_BYTES: number = 1 << 20;

/**
 * The map memory, which CPUs share: one u32 per guest page, the offset of its page of table slots from SLOT_PAGES; 0 = the empty
 * page.
 */
export const PAGE_DIRECTORY = 0;
/** Pages of 1024 table slots, one per instruction; the first page is the empty one and stays zero. */
export const SLOT_PAGES: number = PAGE_DIRECTORY + 4 * (1 << 20);
export const SLOT_PAGE_BYTES = 4096;
export const PAGE_SHIFT = 12;

/**
 * Guest addresses are addresses in the WebAssembly memory. An access is made at (address − this) modulo 2^32 with this as the
 * instruction's static offset, which is added without wrapping: what lies in page 0 ends up beyond 4 GiB and traps.
 */
export const NULL_GUARD = 4096;

/** What a translated function returns instead of a program counter: stop, the reason is in the state. */
export const STOP = -1;
