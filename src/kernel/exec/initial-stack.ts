/**
 * What a program finds on its stack when it starts: argc, argv, envp, the auxiliary vector, and the strings that they point to
 * (the ELF psABI of AArch64; execve(2); getauxval(3)).
 */
import {
  AT_BASE,
  AT_CLKTCK,
  AT_EGID,
  AT_ENTRY,
  AT_EUID,
  AT_EXECFN,
  AT_FLAGS,
  AT_GID,
  AT_HWCAP,
  AT_HWCAP2,
  AT_NULL,
  AT_PAGESZ,
  AT_PHDR,
  AT_PHENT,
  AT_PHNUM,
  AT_PLATFORM,
  AT_RANDOM,
  AT_SECURE,
  AT_UID,
  HWCAP_ASIMD,
  HWCAP_ATOMICS,
  HWCAP_CRC32,
  HWCAP_FP,
  PROGRAM_HEADER_BYTES,
} from "../../abi/elf.ts";
import { PAGE_BYTES } from "../../abi/memory.ts";
import { CLOCK_TICKS_PER_SECOND } from "../../abi/time.ts";
import type { RandomSource } from "../../base/random.ts";
import type { ProgramStrings } from "../task/address-space.ts";
import type { ProcessCredentials } from "../task/credentials.ts";
import type { UserMemory } from "../task/user-memory.ts";

export interface InitialStack {
  /** End of the stack's area; page-aligned. */
  top: number;
  arguments: readonly string[];
  environment: readonly string[];
  /** The path that was executed. */
  executable: string;
  headerAddress: number;
  headerCount: number;
  /** Where the dynamic linker was loaded; 0 without one. */
  interpreterBase: number;
  /** The program's own entry, not the dynamic linker's. */
  entry: number;
  credentials: ProcessCredentials;
}

const STACK_ALIGNMENT = 16;
const RANDOM_BYTES = 16;
const encoder = new TextEncoder();

/** Bytes that the strings and the vectors take, at most. */
export function initialStackBytes(programArguments: readonly string[], environment: readonly string[]): number {
  let bytes = 1024;
  for (const text of programArguments) bytes += encodedBytes(text) + 9;
  for (const text of environment) bytes += encodedBytes(text) + 9;
  return bytes;
}

/** UTF-8 takes at most three bytes for each unit of UTF-16. */
function encodedBytes(text: string): number {
  return 3 * text.length;
}

/** The stack pointer to start with, and where the texts lie. */
export interface WrittenStack {
  stackPointer: number;
  strings: ProgramStrings;
}

/** Writes it all below `top`. The memory there is known to be large enough. */
export function writeInitialStack(memory: UserMemory, random: RandomSource, options: InitialStack): WrittenStack {
  let at = options.top - 8;
  memory.writeInt64(at, 0);
  const place = (text: string): number => {
    const bytes = encoder.encode(text);
    at -= bytes.length + 1;
    memory.bytes.set(bytes, at);
    memory.bytes[at + bytes.length] = 0;
    return at;
  };
  const executable = place(options.executable);
  const environmentEnd = at;
  const environment = [...options.environment].reverse().map(place).reverse();
  const argumentEnd = at;
  const programArguments = [...options.arguments].reverse().map(place).reverse();
  const strings = { argumentStart: at, argumentEnd, environmentEnd };
  const platform = place("aarch64");
  at -= RANDOM_BYTES;
  const randomBytes = at;
  random.fill(memory.bytes, randomBytes, RANDOM_BYTES);
  const { credentials } = options;
  const isSecure =
    credentials.userId !== credentials.effectiveUserId || credentials.groupId !== credentials.effectiveGroupId;
  const auxiliary: [type: number, value: number][] = [
    [AT_HWCAP, HWCAP_FP | HWCAP_ASIMD | HWCAP_CRC32 | HWCAP_ATOMICS],
    [AT_PAGESZ, PAGE_BYTES],
    [AT_CLKTCK, CLOCK_TICKS_PER_SECOND],
    [AT_PHDR, options.headerAddress],
    [AT_PHENT, PROGRAM_HEADER_BYTES],
    [AT_PHNUM, options.headerCount],
    [AT_BASE, options.interpreterBase],
    [AT_FLAGS, 0],
    [AT_ENTRY, options.entry],
    [AT_UID, credentials.userId],
    [AT_EUID, credentials.effectiveUserId],
    [AT_GID, credentials.groupId],
    [AT_EGID, credentials.effectiveGroupId],
    [AT_SECURE, isSecure ? 1 : 0],
    [AT_RANDOM, randomBytes],
    [AT_HWCAP2, 0],
    [AT_EXECFN, executable],
    [AT_PLATFORM, platform],
    [AT_NULL, 0],
  ];
  const words = 1 + programArguments.length + 1 + environment.length + 1 + 2 * auxiliary.length;
  const stackPointer = (at - words * 8) & -STACK_ALIGNMENT;
  at = stackPointer >>> 0;
  const push = (value: number): void => {
    memory.writeInt64(at, value);
    at += 8;
  };
  push(programArguments.length);
  for (const address of programArguments) push(address);
  push(0);
  for (const address of environment) push(address);
  push(0);
  for (const [type, value] of auxiliary) {
    push(type);
    push(value);
  }
  return { stackPointer: stackPointer >>> 0, strings };
}
