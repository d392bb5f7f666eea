/** The page that handlers return to: it stands where Linux has its vDSO. */
import type { UserMemory } from "../task/user-memory.ts";

/** MOV X8, #139; SVC #0. */
const RT_SIGRETURN = [0xd2801168, 0xd4000001];

/** Writes rt_sigreturn(2) where handlers return to; the page is mapped. */
export function writeTrampoline(memory: UserMemory, address: number): void {
  for (const [index, word] of RT_SIGRETURN.entries()) memory.writeUint32(address + 4 * index, word);
}
