/**
 * What hostfs asks of a host: one folder, its directories as handles, and synchronous operations on single names in them. A name
 * never has a slash, and is never "." or "..". No operation follows a symlink. All answer -errno (Linux's numbers) on failure
 * and none may block for long: fifos and devices are not opened.
 */
import type { FileStatus } from "../../file/open-file.ts";
import type { FileSystemStatistics } from "../inode.ts";

/** How a file is opened. `create` makes it anew and fails with -EEXIST if the name is taken. */
export interface HostOpenOptions {
  read: boolean;
  write: boolean;
  create: boolean;
  /** Permission bits for `create`. */
  mode: number;
}

/** Reads a directory's names one after the other, without "." and "..". */
export interface HostDirectoryReader {
  /** Null at the end. */
  next(): string | null | number;
  close(): void;
}

/** As FileStatus, with the host's device number; owners are 0 for the host's own user and 65534 for all others. */
export type HostStatus = FileStatus;

export interface HostFiles {
  /** The folder's path, for messages to the operator. */
  readonly description: string;
  /** The folder itself; stays open until `close`. */
  readonly root: number;
  close(): void;

  openDirectory(directory: number, name: string): number;
  closeDirectory(directory: number): void;
  /** Whether the directory still lies in the folder: it may have been moved away by others on the host. */
  isInside(directory: number): boolean;
  readDirectory(directory: number): HostDirectoryReader | number;
  directoryStatus(directory: number): HostStatus | number;
  statistics(): FileSystemStatistics | number;

  status(directory: number, name: string): HostStatus | number;
  readLink(directory: number, name: string): string | number;
  makeDirectory(directory: number, name: string, mode: number): number;
  removeDirectory(directory: number, name: string): number;
  unlink(directory: number, name: string): number;
  symlink(directory: number, name: string, target: string): number;
  link(oldDirectory: number, oldName: string, newDirectory: number, newName: string): number;
  /** With `noReplace`, -EEXIST instead of taking the place of something. */
  rename(oldDirectory: number, oldName: string, newDirectory: number, newName: string, noReplace: boolean): number;
  setMode(directory: number, name: string, mode: number): number;
  setTimes(directory: number, name: string, accessedMilliseconds: number, modifiedMilliseconds: number): number;

  /** A regular file: its host descriptor, or -errno; -ENXIO for fifos and sockets, -EACCES for devices. */
  open(directory: number, name: string, options: HostOpenOptions): number;
  closeFile(file: number): void;
  read(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  write(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  fileStatus(file: number): HostStatus | number;
  setFileMode(file: number, mode: number): number;
  setFileTimes(file: number, accessedMilliseconds: number, modifiedMilliseconds: number): number;
  truncate(file: number, size: number): number;
  synchronize(file: number): number;
}
