/** What a CPU is made with, and why it stops. */
import type { CodeCache } from "./code-cache.ts";

/** Why run() returned. `pc` in the state is where to go on, for all but a fault of data. */
export type Stop =
  /** SVC #immediate; pc is behind it. */
  | { readonly reason: "svc"; readonly immediate: number }
  /** A word that is no instruction here; pc is at it. */
  | { readonly reason: "unknown"; readonly word: number; readonly address: number }
  | { readonly reason: "breakpoint"; readonly immediate: number; readonly address: number }
  | { readonly reason: "budget" }
  /**
   * pc is at the instruction, where the host tells. "fetch": from outside of memory, or what may not be executed. "data": an access
   * outside of memory, or one that the page's permissions forbid. "misaligned": an atomic access. "stack": the host's stack is
   * spent. The address is null where that cannot be known; see FaultMode for which registers are exact. In interpreted code
   * everything is exact.
   */
  | {
      readonly reason: "fault";
      readonly kind: "fetch" | "data" | "misaligned" | "stack";
      readonly address: number | null;
      readonly isStore: boolean;
    };

/**
 * What faults of data leave behind. "fast": pc, SP, X28, X29 and X30 are exact, others may be older. "precise": all general and
 * vector registers, and the flags if they are read again, so that a handler may return to the instruction. "checked": so too, and
 * accesses keep to the permissions set by setPermissions().
 */
export type FaultMode = "fast" | "precise" | "checked";

export interface CpuOptions {
  readonly memory: WebAssembly.Memory;
  /** Whether the memory was made as shared. */
  readonly shared?: boolean;
  /**
   * Called at SVC with the registers in the state; true: go on behind it at once, false: run() returns. It must not change the
   * program counter or FPCR when it says true.
   */
  readonly onSupervisorCall?: (immediate: number) => boolean;
  /** See setFaultMode(). */
  readonly faultMode?: FaultMode;
  /** Makes every instruction a region of its own. Several times slower; to compare with. */
  readonly exactFaults?: boolean;
  /**
   * Executes floating point in software, so that the exception flags of FPSR are kept: some microseconds an instruction. Without it
   * they are kept only while FPCR is not zero.
   */
  readonly floatExceptions?: boolean;
  /** Instructions in one region at most. */
  readonly maximumInstructions?: number;
  /**
   * How often an address is branched or called to before it is translated: until then it is interpreted. 0: never interpret;
   * Infinity: translate only what the interpreter lacks.
   */
  readonly interpretThreshold?: number;
  /** Translated code to share with other CPUs; without it the CPU has its own. */
  readonly cache?: CodeCache;
  /** Translation takes so long that others get their turn behind it: the budget is spent. */
  readonly translationEndsRun?: boolean;
  /** Whether code may be fetched from the page at this address; asked when code is translated or taken from the cache. */
  readonly isExecutable?: (address: number) => boolean;
}
