/** struct stat, struct statx and struct statfs as Linux on arm64 lays them out. */
import { STAT_BYTES } from "../../abi/file.ts";
import type { FileStatus } from "../file/open-file.ts";
import type { UserMemory } from "../task/user-memory.ts";
import type { FileSystemStatistics } from "../vfs/inode.ts";

export const STATX_BYTES = 256;
export const STATFS_BYTES = 120;
/** STATX_BASIC_STATS: all fields that struct stat has too. */
const BASIC_STATS = 0x7ff;
const MOUNT_IDENTIFIER_MASK = 0x1000;
const ST_RDONLY = 1;
const ST_RELATIME = 0x1000;

/** Whole seconds, rounded down also before 1970. */
export function secondsOf(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/** Nanoseconds within the second. */
export function nanosecondsOf(milliseconds: number): number {
  return Math.min(999_999_999, Math.round((milliseconds - secondsOf(milliseconds) * 1000) * 1e6));
}

/** One structure is put together here and copied out at once: cheaper than 20 writes into a memory that can grow. */
const words = new Uint32Array(STAT_BYTES / 4);
const wordBytes = new Uint8Array(words.buffer);

function putInt64(at: number, value: number): void {
  words[at >> 2] = value;
  words[(at >> 2) + 1] = Math.floor(value / 0x1_0000_0000);
}

function putTime(at: number, milliseconds: number): void {
  putInt64(at, secondsOf(milliseconds));
  words[(at >> 2) + 2] = nanosecondsOf(milliseconds);
}

/** 128 bytes, stat(2). The device numbers are encoded as the kernel's `new_encode_dev` does for small ones: major << 8 | minor. */
export function writeStat(memory: UserMemory, address: number, status: FileStatus): void {
  putInt64(0, status.device);
  putInt64(8, status.inode);
  words[4] = status.mode;
  words[5] = status.links;
  words[6] = status.userId;
  words[7] = status.groupId;
  putInt64(32, status.specialDevice);
  putInt64(48, status.size);
  words[14] = status.blockSize;
  putInt64(64, status.blocks);
  putTime(72, status.accessedMilliseconds);
  putTime(88, status.modifiedMilliseconds);
  putTime(104, status.changedMilliseconds);
  memory.bytes.set(wordBytes, address);
}

/** 256 bytes, statx(2). There is no time of birth. */
export function writeStatx(memory: UserMemory, address: number, status: FileStatus, mountIdentifier: number): void {
  memory.bytes.fill(0, address, address + STATX_BYTES);
  memory.writeUint32(address, BASIC_STATS | (mountIdentifier === 0 ? 0 : MOUNT_IDENTIFIER_MASK));
  memory.writeUint32(address + 4, status.blockSize);
  memory.writeUint32(address + 16, status.links);
  memory.writeUint32(address + 20, status.userId);
  memory.writeUint32(address + 24, status.groupId);
  memory.writeUint16(address + 28, status.mode);
  memory.writeInt64(address + 32, status.inode);
  memory.writeInt64(address + 40, status.size);
  memory.writeInt64(address + 48, status.blocks);
  writeStatxTime(memory, address + 64, status.accessedMilliseconds);
  writeStatxTime(memory, address + 96, status.changedMilliseconds);
  writeStatxTime(memory, address + 112, status.modifiedMilliseconds);
  memory.writeUint32(address + 128, status.specialDevice >>> 8);
  memory.writeUint32(address + 132, status.specialDevice & 0xff);
  memory.writeUint32(address + 136, Math.floor(status.device / 256));
  memory.writeUint32(address + 140, status.device & 0xff);
  memory.writeInt64(address + 144, mountIdentifier);
}

function writeStatxTime(memory: UserMemory, address: number, milliseconds: number): void {
  memory.writeInt64(address, secondsOf(milliseconds));
  memory.writeUint32(address + 8, nanosecondsOf(milliseconds));
}

/** 120 bytes, statfs(2). */
export function writeStatfs(
  memory: UserMemory,
  address: number,
  statistics: FileSystemStatistics,
  deviceNumber: number,
  readOnly: boolean,
): void {
  memory.bytes.fill(0, address, address + STATFS_BYTES);
  memory.writeInt64(address, statistics.type);
  memory.writeInt64(address + 8, statistics.blockSize);
  memory.writeInt64(address + 16, statistics.blocks);
  memory.writeInt64(address + 24, statistics.freeBlocks);
  memory.writeInt64(address + 32, statistics.freeBlocks);
  memory.writeInt64(address + 40, statistics.files);
  memory.writeInt64(address + 48, statistics.freeFiles);
  memory.writeUint32(address + 56, deviceNumber);
  memory.writeInt64(address + 64, statistics.nameLengthMaximum);
  memory.writeInt64(address + 72, statistics.blockSize);
  memory.writeInt64(address + 80, ST_RELATIME | (readOnly ? ST_RDONLY : 0));
}
