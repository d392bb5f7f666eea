/** Copy and checksum by the WebAssembly kernel of checksum-kernel.wat. */
import type { ChecksumKernel } from "./checksum.ts";
import { CHECKSUM_KERNEL_HEX } from "./checksum-kernel-bytes.ts";

/** Compiled once per realm; null until the first use, false where it cannot be compiled (no SIMD, or forbidden by policy). */
let compiled: WebAssembly.Module | false | null = null;

/** The kernel over a memory; null where the realm cannot run it. */
export function createWasmKernel(memory: WebAssembly.Memory): ChecksumKernel | null {
  compiled ??= compile();
  if (compiled === false) return null;
  return new WebAssembly.Instance(compiled, { arena: { memory } }).exports as unknown as ChecksumKernel;
}

function compile(): WebAssembly.Module | false {
  try {
    return new WebAssembly.Module(checksumKernelBytes());
  } catch {
    return false;
  }
}

/** The module's bytes, as committed. */
export function checksumKernelBytes(): Uint8Array {
  const bytes = new Uint8Array(CHECKSUM_KERNEL_HEX.length / 2);
  for (let k = 0; k < bytes.length; k++) bytes[k] = Number.parseInt(CHECKSUM_KERNEL_HEX.slice(2 * k, 2 * k + 2), 16);
  return bytes;
}
