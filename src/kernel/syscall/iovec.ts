/** The vectors of readv(2), writev(2), sendmsg(2) and recvmsg(2): struct iovec is an address and a length of 8 bytes each. */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { IOV_MAX, MAX_RW_COUNT } from "../../abi/file.ts";
import type { UserMemory } from "../task/user-memory.ts";

export const IOVEC_BYTES = 16;

/** Segments in user memory; empty ones are left out. */
export interface IoVector {
  addresses: number[];
  lengths: number[];
  /** All lengths together, cut at MAX_RW_COUNT as Linux does, or earlier. */
  totalBytes: number;
}

/** Reads and checks `count` iovecs: the vector, -EINVAL for a bad count or length, -EFAULT for bad memory. */
export function readIoVector(
  memory: UserMemory,
  address: number,
  count: number,
  mostBytes: number = MAX_RW_COUNT,
): IoVector | number {
  if (!(count >= 0 && count <= IOV_MAX)) return -EINVAL;
  if (!memory.isValid(address, count * IOVEC_BYTES)) return -EFAULT;
  const vector: IoVector = { addresses: [], lengths: [], totalBytes: 0 };
  for (let k = 0; k < count; k++) {
    const base = memory.readInt64(address + k * IOVEC_BYTES);
    const wanted = memory.readInt64(address + k * IOVEC_BYTES + 8);
    if (wanted < 0) return -EINVAL;
    if (!memory.isValid(base, wanted)) return -EFAULT;
    const length = Math.min(wanted, mostBytes - vector.totalBytes);
    if (length === 0) continue;
    vector.addresses.push(base);
    vector.lengths.push(length);
    vector.totalBytes += length;
  }
  return vector;
}

/** Copies up to `length` bytes of the vector, from its byte `skip` on, into `target`; returns the bytes copied. */
export function gather(memory: UserMemory, vector: IoVector, skip: number, target: Uint8Array, length: number): number {
  let copied = 0;
  for (let k = 0; k < vector.addresses.length && copied < length; k++) {
    const segment = vector.lengths[k] as number;
    if (skip >= segment) {
      skip -= segment;
      continue;
    }
    const from = (vector.addresses[k] as number) + skip;
    const take = Math.min(segment - skip, length - copied);
    target.set(memory.bytes.subarray(from, from + take), copied);
    copied += take;
    skip = 0;
  }
  return copied;
}

/** Copies `length` bytes of `source` into the vector. */
export function scatter(memory: UserMemory, vector: IoVector, source: Uint8Array, length: number): void {
  let done = 0;
  for (let k = 0; k < vector.addresses.length && done < length; k++) {
    const take = Math.min(vector.lengths[k] as number, length - done);
    memory.bytes.set(source.subarray(done, done + take), vector.addresses[k] as number);
    done += take;
  }
}
