/** Wrappers of the file calls. Results are those of the call: a number, negative for -errno. */
import { EINVAL } from "../../abi/errno.ts";
import { AT_FDCWD, O_CREAT, STAT_BYTES } from "../../abi/file.ts";
import { Calls, type Result } from "./calls.ts";
import { Stat } from "./stat.ts";

export class FileCalls extends Calls {
  /** The lowest free descriptor. `mode` counts with O_CREAT. */
  open(path: string, flags: number, mode = 0o666): Result {
    return this.openat(AT_FDCWD, path, flags, mode);
  }

  openat(directory: number, path: string, flags: number, mode = 0o666): Result {
    const permissions = (flags & O_CREAT) === 0 ? 0 : mode;
    if (this.gate.abi === "linux") return this.pathCall(this.numbers.openat, 1, path, directory, flags, permissions);
    const address = this.placeText(path);
    if (address === 0) return -EINVAL;
    const length = this.placedLength;
    const result = this.syscall(this.numbers.openat, directory, address, length, flags, permissions);
    return this.freeAfter(result, address, length + 1);
  }

  close(fd: number): number {
    return this.now(this.syscall(this.numbers.close, fd));
  }

  fstat(fd: number): Stat | number {
    const address = this.memory.heap.allocate(STAT_BYTES);
    const result = this.now(this.syscall(this.numbers.fstat, fd, address));
    const stat = result < 0 ? result : new Stat(this.memory, address);
    this.memory.heap.free(address, STAT_BYTES);
    return stat;
  }

  /** stat, lstat (AT_SYMLINK_NOFOLLOW) and statat in one. */
  newfstatat(directory: number, path: string, flags = 0): Stat | number {
    const address = this.memory.heap.allocate(STAT_BYTES);
    const result = this.now(this.pathCall(this.numbers.newfstatat, 1, path, directory, address, flags));
    const stat = result < 0 ? result : new Stat(this.memory, address);
    this.memory.heap.free(address, STAT_BYTES);
    return stat;
  }

  /** The new position from the start of the file. */
  lseek(fd: number, offset: number, whence: number): number {
    return this.now(this.syscall(this.numbers.lseek, fd, offset, whence));
  }

  /** Bytes read into `buffer`; 0 at the end. */
  read_fd(fd: number, buffer: Uint8Array): Result {
    return this.callWithOutput(this.numbers.read, fd, buffer);
  }

  /** Bytes written, which may be fewer than given. */
  write_fd(fd: number, buffer: Uint8Array): Result {
    return this.callWithInput(this.numbers.write, fd, buffer);
  }

  /** read(2) and its kin by address. */
  read(fd: number, address: number, length: number): Result {
    return this.syscall(this.numbers.read, fd, address, length);
  }

  write(fd: number, address: number, length: number): Result {
    return this.syscall(this.numbers.write, fd, address, length);
  }

  pread64(fd: number, buffer: Uint8Array, position: number): Result {
    return this.callWithOutput(this.numbers.pread64, fd, buffer, position);
  }

  pwrite64(fd: number, buffer: Uint8Array, position: number): Result {
    return this.callWithInput(this.numbers.pwrite64, fd, buffer, position);
  }

  /** `vectorAddress` points to `count` pairs of 64-bit address and length. */
  readv(fd: number, vectorAddress: number, count: number): Result {
    return this.syscall(this.numbers.readv, fd, vectorAddress, count);
  }

  writev(fd: number, vectorAddress: number, count: number): Result {
    return this.syscall(this.numbers.writev, fd, vectorAddress, count);
  }

  /** From a file to a socket or file inside the kernel. `offsetAddress` holds the 64-bit position; 0 uses the file's own. */
  sendfile(toFd: number, fromFd: number, offsetAddress: number, count: number): Result {
    return this.syscall(this.numbers.sendfile, toFd, fromFd, offsetAddress, count);
  }

  ftruncate(fd: number, size: number): number {
    return this.now(this.syscall(this.numbers.ftruncate, fd, size));
  }

  fsync(fd: number): Result {
    return this.syscall(this.numbers.fsync, fd);
  }

  fdatasync(fd: number): Result {
    return this.syscall(this.numbers.fdatasync, fd);
  }

  /** Bytes of directory entries placed in `buffer` (struct linux_dirent64); 0 at the end. */
  getdents64(fd: number, buffer: Uint8Array): Result {
    return this.callWithOutput(this.numbers.getdents64, fd, buffer);
  }

  mkdirat(directory: number, path: string, mode = 0o777): Result {
    return this.pathCall(this.numbers.mkdirat, 1, path, directory, mode);
  }

  unlinkat(directory: number, path: string, flags = 0): Result {
    return this.pathCall(this.numbers.unlinkat, 1, path, directory, flags);
  }

  renameat2(directory: number, path: string, toDirectory: number, to: string, flags = 0): Result {
    return this.twoPathCall(this.numbers.renameat2, directory, path, toDirectory, to, flags);
  }

  linkat(directory: number, path: string, toDirectory: number, to: string, flags = 0): Result {
    return this.twoPathCall(this.numbers.linkat, directory, path, toDirectory, to, flags);
  }

  symlinkat(target: string, directory: number, path: string): Result {
    const targetAddress = this.placeText(target);
    if (targetAddress === 0) return -EINVAL;
    const size = this.placedLength + 1;
    const pathAddress = this.placeText(path);
    if (pathAddress === 0) return this.freeAfter(-EINVAL, targetAddress, size);
    const result = this.syscall(this.numbers.symlinkat, targetAddress, directory, pathAddress);
    return this.freeAfter(this.freeAfter(result, pathAddress, this.placedLength + 1), targetAddress, size);
  }

  /** What a symbolic link points to. */
  readlinkat(directory: number, path: string): string | number {
    const size = 4096;
    const address = this.memory.heap.allocate(size);
    const result = this.now(this.pathCall(this.numbers.readlinkat, 1, path, directory, address, size));
    const target = result < 0 ? result : this.memory.readText(address, result);
    this.memory.heap.free(address, size);
    return target;
  }

  faccessat(directory: number, path: string, mode: number): Result {
    return this.pathCall(this.numbers.faccessat, 1, path, directory, mode);
  }

  fchmodat(directory: number, path: string, mode: number): Result {
    return this.pathCall(this.numbers.fchmodat, 1, path, directory, mode);
  }

  fchownat(directory: number, path: string, userId: number, groupId: number, flags = 0): Result {
    return this.pathCall(this.numbers.fchownat, 1, path, directory, userId, groupId, flags);
  }

  /** Times in milliseconds since 1970; null leaves one as it is, undefined sets now. */
  utimensat(directory: number, path: string, accessed?: number | null, modified?: number | null, flags = 0): Result {
    const times = this.memory.heap.allocate(32);
    this.writeTime(times, accessed);
    this.writeTime(times + 16, modified);
    return this.freeAfter(this.pathCall(this.numbers.utimensat, 1, path, directory, times, flags), times, 32);
  }

  getcwd(): string | number {
    const size = 4096;
    const address = this.memory.heap.allocate(size);
    const result = this.now(this.syscall(this.numbers.getcwd, address, size));
    const path = result < 0 ? result : this.memory.readText(address, result - 1);
    this.memory.heap.free(address, size);
    return path;
  }

  chdir(path: string): Result {
    return this.pathCall(this.numbers.chdir, 0, path, 0);
  }

  umask(mask: number): number {
    return this.now(this.syscall(this.numbers.umask, mask));
  }

  dup(fd: number): number {
    return this.now(this.syscall(this.numbers.dup, fd));
  }

  dup3(fd: number, to: number, flags = 0): number {
    return this.now(this.syscall(this.numbers.dup3, fd, to, flags));
  }

  fcntl(fd: number, command: number, argument = 0): number {
    return this.now(this.syscall(this.numbers.fcntl, fd, command, argument));
  }

  ioctl(fd: number, request: number, argument = 0): number {
    return this.now(this.syscall(this.numbers.ioctl, fd, request, argument));
  }

  /** A counter as a descriptor. */
  eventfd2(initial: number, flags = 0): number {
    return this.now(this.syscall(this.numbers.eventfd2, initial, flags));
  }

  /** [read end, write end], or -errno. */
  pipe2(flags = 0): [number, number] | number {
    const address = this.memory.heap.allocate(8);
    const result = this.now(this.syscall(this.numbers.pipe2, address, flags));
    const ends: [number, number] = [this.memory.readInt32(address), this.memory.readInt32(address + 4)];
    this.memory.heap.free(address, 8);
    return result < 0 ? result : ends;
  }

  private writeTime(address: number, milliseconds: number | null | undefined): void {
    const UTIME_NOW = 0x3fffffff;
    const UTIME_OMIT = 0x3ffffffe;
    if (milliseconds === undefined || milliseconds === null) {
      this.memory.writeInt64(address, 0);
      this.memory.writeInt64(address + 8, milliseconds === undefined ? UTIME_NOW : UTIME_OMIT);
      return;
    }
    const seconds = Math.floor(milliseconds / 1000);
    this.memory.writeInt64(address, seconds);
    this.memory.writeInt64(address + 8, Math.round((milliseconds - seconds * 1000) * 1e6));
  }
}
