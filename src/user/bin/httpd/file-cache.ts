/**
 * From the path in a request to the file to serve. Files served lately are found by the very bytes of the path; whether the
 * file is still the same is asked once per turn of the server, so that what was changed before a request is always seen.
 */
import * as linux from "../../libakuma/constants.ts";
import type { Akuma } from "../../libakuma/index.ts";
import { decodePath } from "./path.ts";
import { ServedFile } from "./served-file.ts";

const INDEX = "index.html";
const MOST_FILES = 1024;
const { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG, STAT_BYTES } = linux;

interface CacheEntry {
  /** The path as requests spell it. */
  key: Uint8Array;
  file: ServedFile;
}

export class FileCache {
  private readonly akuma: Akuma;
  /** Without a slash at the end; "" for the root of the file system. */
  private readonly root: string;
  /** The root with symbolic links resolved: files must lie in it. Null where that cannot be known. */
  private readonly realRoot: string | null;
  private readonly entries = new Map<number, CacheEntry>();
  private readonly mostBytes: number;
  private bytesInUse = 0;
  private readonly statAddress: number;
  private turn = 0;
  /** The decoded path of the last lookup that ended in a redirect or an error: for the answer. Valid until the next lookup. */
  readonly decoded: Uint8Array;
  decodedLength = 0;

  constructor(akuma: Akuma, root: string, mostBytes: number) {
    this.akuma = akuma;
    this.root = root.replace(/\/+$/, "");
    this.mostBytes = mostBytes;
    this.statAddress = akuma.memory.heap.allocate(STAT_BYTES);
    this.decoded = new Uint8Array(16 * 1024);
    this.realRoot = this.resolveRoot();
  }

  /** Begins a turn: files are asked about anew. */
  beginTurn(): void {
    this.turn++;
  }

  /** The file behind bytes[start, end); a redirect to the same path with a slash as 301; an HTTP status for an error. */
  find(bytes: Uint8Array, start: number, end: number): ServedFile | number {
    const hash = hashOf(bytes, start, end);
    const entry = this.entries.get(hash);
    if (entry !== undefined && isSame(entry.key, bytes, start, end)) {
      const { file } = entry;
      if (file.validatedTurn === this.turn || file.isCurrent(this.statAddress)) {
        file.validatedTurn = this.turn;
        file.wasUsed = true;
        return file;
      }
      this.drop(hash, entry);
    }
    const file = this.load(bytes, start, end);
    if (typeof file === "number") return file;
    this.keep(hash, { key: bytes.slice(start, end), file });
    return file;
  }

  /** Lets go of everything. */
  clear(): void {
    for (const [hash, entry] of [...this.entries]) this.drop(hash, entry);
  }

  private load(bytes: Uint8Array, start: number, end: number): ServedFile | number {
    const length = decodePath(bytes, start, end, this.decoded, 0);
    if (length < 0) return -length;
    this.decodedLength = length;
    const isFolder = this.decoded[length - 1] === 0x2f;
    const pathBytes = this.root.length * 3 + length + INDEX.length + 1;
    const path = this.placePath(pathBytes, length, isFolder);
    const { akuma } = this;
    const flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
    const result = this.openPlaced(path, flags);
    const file = result < 0 ? this.statusOf(-result, isFolder) : this.inspect(result, path, pathBytes);
    if (typeof file === "number") akuma.memory.heap.free(path, pathBytes);
    // It shrank while it was read.
    return file ?? 503;
  }

  /** Root, decoded path, index.html for a folder, NUL. */
  private placePath(pathBytes: number, length: number, isFolder: boolean): number {
    const { memory } = this.akuma;
    const address = memory.heap.allocate(pathBytes);
    const root = new TextEncoder().encode(this.root);
    memory.bytes.set(root, address);
    memory.bytes.set(this.decoded.subarray(0, length), address + root.length);
    let end = address + root.length + length;
    if (isFolder) for (let k = 0; k < INDEX.length; k++) memory.bytes[end++] = INDEX.charCodeAt(k);
    memory.bytes[end] = 0;
    return address;
  }

  private openPlaced(path: number, flags: number): number {
    const { akuma } = this;
    const { openat } = akuma.numbers;
    if (akuma.gate.abi === "linux") return syncResult(akuma.syscall(openat, AT_FDCWD, path, flags, 0));
    const length = akuma.memory.bytes.indexOf(0, path) - path;
    return syncResult(akuma.syscall(openat, AT_FDCWD, path, length, flags, 0));
  }

  /** What an opened descriptor is: a file to serve, or a status (the descriptor is closed then). Undefined: it shrank while it was read. */
  private inspect(fd: number, path: number, pathBytes: number): ServedFile | number | undefined {
    const { akuma } = this;
    const refuse = (status: number): number => {
      akuma.close(fd);
      return status;
    };
    if (akuma.syscall(akuma.numbers.fstat, fd, this.statAddress) !== 0) return refuse(500);
    const type = akuma.memory.readUint32(this.statAddress + 16) & S_IFMT;
    if (!this.liesInRoot(fd)) return refuse(403);
    // A folder that was asked for without its slash: relative links in its page would lead astray.
    if (type === S_IFDIR) return refuse(this.decoded[this.decodedLength - 1] === 0x2f ? 403 : 301);
    if (type !== S_IFREG) return refuse(403);
    const file = ServedFile.make(akuma, fd, this.statAddress, path, pathBytes);
    if (file !== undefined) file.validatedTurn = this.turn;
    return file;
  }

  private statusOf(error: number, isFolder: boolean): number {
    switch (error) {
      case linux.ENOENT:
        // The folder is there, but has no page and is not listed.
        return isFolder && this.folderExists() ? 403 : 404;
      case linux.ENOTDIR:
      case linux.ENAMETOOLONG:
      case linux.EINVAL:
      case linux.EILSEQ:
      case linux.ENXIO:
        return 404;
      case linux.EACCES:
      case linux.EPERM:
      case linux.ELOOP:
        return 403;
      case linux.EMFILE:
      case linux.ENFILE:
      case linux.ENOMEM:
        return 503;
      default:
        return 500;
    }
  }

  private folderExists(): boolean {
    const path = this.root + new TextDecoder().decode(this.decoded.slice(0, this.decodedLength));
    const stat = this.akuma.newfstatat(AT_FDCWD, path);
    return typeof stat !== "number" && stat.isDirectory;
  }

  private resolveRoot(): string | null {
    const fd = syncResult(this.akuma.open(this.root === "" ? "/" : this.root, O_RDONLY | O_CLOEXEC));
    if (fd < 0) return null;
    const real = this.akuma.readlinkat(AT_FDCWD, `/proc/self/fd/${fd}`);
    this.akuma.close(fd);
    return typeof real === "string" && real.startsWith("/") ? real.replace(/\/$/, "") : null;
  }

  /** A symbolic link in the folder must not serve what lies outside of it. */
  private liesInRoot(fd: number): boolean {
    if (this.realRoot === null) return true;
    const real = this.akuma.readlinkat(AT_FDCWD, `/proc/self/fd/${fd}`);
    return typeof real === "string" && (real === this.realRoot || real.startsWith(`${this.realRoot}/`));
  }

  private keep(hash: number, entry: CacheEntry): void {
    const before = this.entries.get(hash);
    if (before !== undefined) this.drop(hash, before);
    this.entries.set(hash, entry);
    this.bytesInUse += entry.file.weight;
    this.evict(entry);
  }

  /** Second chance: the oldest entry goes, unless it was used since it was last looked at. */
  private evict(newest: CacheEntry): void {
    for (let looks = 2 * this.entries.size; looks > 0; looks--) {
      if (this.bytesInUse <= this.mostBytes && this.entries.size <= MOST_FILES) return;
      const [oldest] = this.entries;
      if (oldest === undefined) return;
      const [hash, entry] = oldest;
      if (entry !== newest && !entry.file.wasUsed) {
        this.drop(hash, entry);
        continue;
      }
      entry.file.wasUsed = false;
      this.entries.delete(hash);
      this.entries.set(hash, entry);
    }
  }

  private drop(hash: number, entry: CacheEntry): void {
    this.entries.delete(hash);
    this.bytesInUse -= entry.file.weight;
    entry.file.release();
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let k = start; k < end; k++) hash = Math.imul(hash ^ (bytes[k] as number), 0x01000193);
  return hash;
}

function isSame(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let k = 0; k < key.length; k++) if (key[k] !== bytes[start + k]) return false;
  return true;
}

/** File calls never wait; a promise means that the process has ended. */
function syncResult(result: number | Promise<number>): number {
  return typeof result === "number" ? result : -linux.EIO;
}
