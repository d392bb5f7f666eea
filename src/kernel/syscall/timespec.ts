/** struct timespec and struct timeval in user memory, as milliseconds inside the kernel. Check the address before. */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { TIMESPEC_BYTES } from "../../abi/time.ts";
import type { UserMemory } from "../task/user-memory.ts";

/** Sleeps are cut at this (nearly 300,000 years), so that sums of milliseconds stay exact enough. */
const MOST_MILLISECONDS = Number.MAX_SAFE_INTEGER;

/** Milliseconds; -EFAULT for a bad address, -EINVAL for a negative or unnormalised time. */
export function readTimespec(memory: UserMemory, address: number): number {
  if (!memory.isValid(address, TIMESPEC_BYTES)) return -EFAULT;
  return timespecMilliseconds(memory.readInt64(address), memory.readInt64(address + 8));
}

/** The same for a time given by value. */
export function timespecMilliseconds(seconds: number, nanoseconds: number): number {
  if (!(seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1e9)) return -EINVAL;
  return Math.min(seconds * 1000 + nanoseconds / 1e6, MOST_MILLISECONDS);
}

/** An optional timeout: Infinity for address 0. */
export function readTimeout(memory: UserMemory, address: number): number {
  return address === 0 ? Number.POSITIVE_INFINITY : readTimespec(memory, address);
}

export function writeTimespec(memory: UserMemory, address: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  memory.writeInt64(address, seconds);
  memory.writeInt64(address + 8, Math.min(999_999_999, Math.round((milliseconds - seconds * 1000) * 1e6)));
}

/** Milliseconds of a struct timeval; -EINVAL as for readTimespec. */
export function readTimeval(memory: UserMemory, address: number): number {
  const seconds = memory.readInt64(address);
  const microseconds = memory.readInt64(address + 8);
  if (seconds < 0 || microseconds < 0 || microseconds >= 1e6) return -EINVAL;
  return Math.min(seconds * 1000 + microseconds / 1000, MOST_MILLISECONDS);
}

export function writeTimeval(memory: UserMemory, address: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  memory.writeInt64(address, seconds);
  memory.writeInt64(address + 8, Math.min(999_999, Math.floor((milliseconds - seconds * 1000) * 1000)));
}
