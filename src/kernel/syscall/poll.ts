/** ppoll(2) and pselect6(2). Their cost follows the number of descriptors asked about; epoll is for the many. */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { O_PATH } from "../../abi/file.ts";
import {
  POLLERR,
  POLLFD_BYTES,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDNORM,
  POLLWRNORM,
} from "../../abi/poll.ts";
import { TIMESPEC_BYTES } from "../../abi/time.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { withSignalMask } from "./signal-mask.ts";
import { readTimeout, writeTimespec } from "./timespec.ts";

const SELECT_READ = POLLIN | POLLRDNORM | POLLHUP | POLLERR;
const SELECT_WRITE = POLLOUT | POLLWRNORM | POLLERR;
const SELECT_EXCEPT = POLLPRI;

export function ppoll(
  task: Task,
  address: number,
  count: number,
  timeoutAddress: number,
  maskAddress: number,
  maskBytes: number,
): number {
  const timeout = readTimeout(task.process.memory, timeoutAddress);
  if (timeout < 0) return timeout;
  const result = withSignalMask(task, maskAddress, maskBytes, () => poll(task, address, count >>> 0, timeout));
  return finish(task, result, timeoutAddress);
}

function poll(task: Task, address: number, count: number, timeoutMilliseconds: number): number {
  const { descriptors, memory } = task.process;
  if (count > descriptors.limit) return -EINVAL;
  if (!memory.isValid(address, count * POLLFD_BYTES)) return -EFAULT;
  let ready = 0;
  for (let at = address; at < address + count * POLLFD_BYTES; at += POLLFD_BYTES) {
    const fd = memory.readInt32(at);
    let events = 0;
    // poll(2): a negative descriptor is skipped, its revents are 0.
    if (fd >= 0) {
      const file = descriptors.get(fd);
      events = file === null ? POLLNVAL : file.readiness() & (memory.readUint16(at + 4) | POLLERR | POLLHUP);
    }
    memory.writeUint16(at + 6, events);
    if (events !== 0) ready++;
  }
  if (ready > 0 || timeoutMilliseconds === 0) return ready;
  task.setTimeout(timeoutMilliseconds);
  for (let at = address; at < address + count * POLLFD_BYTES; at += POLLFD_BYTES) {
    const file = descriptors.get(memory.readInt32(at));
    if (file !== null) task.waitOn(file.waitQueue, memory.readUint16(at + 4) | POLLERR | POLLHUP | POLLNVAL);
  }
  task.neverRestarts = true;
  return task.block(0);
}

/** ppoll and pselect6 write back what is left of the timeout, whatever the result. */
function finish(task: Task, result: number, timeoutAddress: number): number {
  if (result === BLOCKED || timeoutAddress === 0) return result;
  const { memory } = task.process;
  const left = task.remainingMilliseconds();
  if (left !== Number.POSITIVE_INFINITY && memory.isValid(timeoutAddress, TIMESPEC_BYTES)) {
    writeTimespec(memory, timeoutAddress, left);
  }
  return result;
}

export function pselect6(
  task: Task,
  count: number,
  readAddress: number,
  writeAddress: number,
  exceptAddress: number,
  timeoutAddress: number,
  maskArgument: number,
): number {
  const { memory } = task.process;
  const timeout = readTimeout(memory, timeoutAddress);
  if (timeout < 0) return timeout;
  let maskAddress = 0;
  let maskBytes = 0;
  // The sixth argument is a pair: address and size of the set.
  if (maskArgument !== 0) {
    if (!memory.isValid(maskArgument, 16)) return -EFAULT;
    maskAddress = memory.readInt64(maskArgument);
    maskBytes = memory.readInt64(maskArgument + 8);
  }
  const sets = [readAddress, writeAddress, exceptAddress];
  const result = withSignalMask(task, maskAddress, maskBytes, () => select(task, count | 0, sets, timeout));
  return finish(task, result, timeoutAddress);
}

const SELECT_MASKS: readonly number[] = [SELECT_READ, SELECT_WRITE, SELECT_EXCEPT];

function select(task: Task, wanted: number, addresses: readonly number[], timeoutMilliseconds: number): number {
  const { descriptors, memory } = task.process;
  if (wanted < 0) return -EINVAL;
  // Linux cuts the count to what the process can have open.
  const count = Math.min(wanted, descriptors.limit);
  const byteLength = Math.ceil(count / 64) * 8;
  for (const address of addresses) {
    if (address !== 0 && !memory.isValid(address, byteLength)) return -EFAULT;
  }
  const asked = addresses.map((address) =>
    address === 0 ? new Uint8Array(byteLength) : memory.bytes.slice(address, address + byteLength),
  );
  const found = addresses.map(() => new Uint8Array(byteLength));
  const watched: number[] = [];
  let ready = 0;
  for (let fd = 0; fd < count; fd++) {
    let mask = 0;
    for (let set = 0; set < 3; set++) {
      if (hasBit(asked[set] as Uint8Array, fd)) mask |= SELECT_MASKS[set] as number;
    }
    if (mask === 0) continue;
    // A descriptor that is open, but with O_PATH, is not refused: it is bad, and that is news for every set.
    const file = descriptors.getWithPath(fd);
    if (file === null) return -EBADF;
    watched.push(fd, mask);
    const events = (file.flags & O_PATH) === 0 ? file.readiness() : -1;
    for (let set = 0; set < 3; set++) {
      if (!hasBit(asked[set] as Uint8Array, fd) || (events & (SELECT_MASKS[set] as number)) === 0) continue;
      const bits = found[set] as Uint8Array;
      bits[fd >> 3] = (bits[fd >> 3] as number) | (1 << (fd & 7));
      ready++;
    }
  }
  if (ready === 0 && timeoutMilliseconds > 0) {
    task.setTimeout(timeoutMilliseconds);
    for (let k = 0; k < watched.length; k += 2) {
      const file = descriptors.get(watched[k] as number);
      if (file !== null) task.waitOn(file.waitQueue, (watched[k + 1] as number) | POLLNVAL);
    }
    task.neverRestarts = true;
    const result = task.block(0);
    // On an error the sets stay as they were.
    if (result !== 0) return result;
  }
  for (let set = 0; set < 3; set++) {
    const address = addresses[set] as number;
    if (address !== 0 && byteLength > 0) memory.bytes.set(found[set] as Uint8Array, address);
  }
  return ready;
}

function hasBit(bits: Uint8Array, number: number): boolean {
  return (((bits[number >> 3] as number) >> (number & 7)) & 1) !== 0;
}

export const pollCalls: readonly SyscallDefinition[] = [
  call(72, "pselect6", ["int", "fd-set", "fd-set", "fd-set", "timespec", "address"], pselect6),
  call(73, "ppoll", ["pollfd", "uint", "timespec", "signal-set", "size"], ppoll),
];
