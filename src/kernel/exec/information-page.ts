/**
 * The process-information page of the akuma ABI at 0x1000: pid, ppid, argc and the length of the arguments as u32, then up to
 * 1,008 bytes of NUL-terminated argument strings.
 */
import type { UserMemory } from "../task/user-memory.ts";

export const INFORMATION_PAGE_ADDRESS = 0x1000;
const STRINGS_OFFSET = 16;
const STRINGS_BYTES = 1008;

/** Fills the page. Arguments that do not fit are left out, whole strings at a time, and not counted. */
export function writeInformationPage(
  memory: UserMemory,
  processId: number,
  parentId: number,
  programArguments: readonly string[],
): void {
  const encoder = new TextEncoder();
  let used = 0;
  let count = 0;
  for (const argument of programArguments) {
    const encoded = encoder.encode(argument);
    if (used + encoded.length + 1 > STRINGS_BYTES) break;
    memory.bytes.set(encoded, INFORMATION_PAGE_ADDRESS + STRINGS_OFFSET + used);
    used += encoded.length + 1;
    memory.bytes[INFORMATION_PAGE_ADDRESS + STRINGS_OFFSET + used - 1] = 0;
    count++;
  }
  memory.writeUint32(INFORMATION_PAGE_ADDRESS, processId);
  memory.writeUint32(INFORMATION_PAGE_ADDRESS + 4, parentId);
  memory.writeUint32(INFORMATION_PAGE_ADDRESS + 8, count);
  memory.writeUint32(INFORMATION_PAGE_ADDRESS + 12, used);
}
