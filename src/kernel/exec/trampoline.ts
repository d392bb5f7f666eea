/** The page that handlers return to: it stands where Linux has its vDSO. */
import type { UserMemory } from "../task/user-memory.ts";

export const TRAMPOLINE_ADDRESS = 0x0fff_f000;

/** MOV X8, #139; SVC #0. */
const RT_SIGRETURN = [0xd2801168, 0xd4000001];

/** Writes rt_sigreturn(2) where handlers return to; the page is mapped. */
export function writeTrampoline(memory: UserMemory): void {
  for (const [index, word] of RT_SIGRETURN.entries()) memory.writeUint32(TRAMPOLINE_ADDRESS + 4 * index, word);
}
