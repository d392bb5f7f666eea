/** The area that an mmap(2) asks for: do_mmap's checks of file, flags and protection, in its order. */
import { EACCES, EINVAL, ENODEV, EPERM } from "../../abi/errno.ts";
import { F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, S_IFCHR, S_IFMT, S_IFREG } from "../../abi/file.ts";
import {
  MAP_ANONYMOUS,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import type { OpenFile } from "../file/open-file.ts";
import { RegularFile } from "../vfs/vfs-file.ts";
import { Area } from "./area.ts";
import type { MemoryAccount } from "./memory-account.ts";
import { SharedFile } from "./shared-file.ts";
import { SharedAnonymousMemory, type SharedMemory } from "./shared-memory.ts";

/** st_rdev of /dev/zero, whose mappings are anonymous memory. */
const ZERO_DEVICE = 0x105;
/** The flags that an area keeps. */
const AREA_FLAGS: number = MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN;
export const PROTECTION_BITS: number = PROT_READ | PROT_WRITE | PROT_EXEC;

export interface MapRequest {
  /** A wish, or with MAP_FIXED and MAP_FIXED_NOREPLACE a demand. */
  address: number;
  byteLength: number;
  protection: number;
  /** As mmap(2) has them. */
  flags: number;
  file: OpenFile | null;
  offset: number;
  /** What /proc/PID/maps calls it if it is no file: "[stack]". */
  name?: string;
}

/** The area, whose file is not held yet, or -errno. */
export function makeArea(request: MapRequest, start: number, end: number, account: MemoryAccount): Area | number {
  const { protection, flags, name = "" } = request;
  const type = flags & MAP_TYPE;
  const file = (flags & MAP_ANONYMOUS) !== 0 ? null : request.file;
  let mayWrite = true;
  let isAnonymous = file === null;
  if (file !== null) {
    if (type !== MAP_PRIVATE && type !== MAP_SHARED && type !== MAP_SHARED_VALIDATE) return -EINVAL;
    if (type !== MAP_PRIVATE) {
      mayWrite = file.isWritable;
      const seals = file instanceof RegularFile ? (file.node.inode.seals ?? 0) : 0;
      const isSealed = (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0;
      if (isSealed && mayWrite && (protection & PROT_WRITE) !== 0) return -EPERM;
      if (isSealed) mayWrite = false;
      if ((protection & PROT_WRITE) !== 0 && !mayWrite) return -EACCES;
    }
    if (!file.isReadable) return -EACCES;
    const status = file.status();
    if (typeof status === "number") return -ENODEV;
    isAnonymous = (status.mode & S_IFMT) === S_IFCHR && status.specialDevice === ZERO_DEVICE;
    if (!isAnonymous && (status.mode & S_IFMT) !== S_IFREG) return -ENODEV;
    if ((flags & MAP_GROWSDOWN) !== 0) return -EINVAL;
  } else if (type !== MAP_PRIVATE && (type !== MAP_SHARED || (flags & MAP_GROWSDOWN) !== 0)) return -EINVAL;
  const kept = (flags & (AREA_FLAGS & ~MAP_TYPE)) | (type === MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED);
  let shared: SharedMemory | null = null;
  if (type !== MAP_PRIVATE && isAnonymous) shared = new SharedAnonymousMemory(account);
  else if (type !== MAP_PRIVATE && file instanceof RegularFile) shared = SharedFile.of(file, account);
  const area = new Area(
    {
      start,
      end,
      protection: protection & PROTECTION_BITS,
      flags: isAnonymous ? kept | MAP_ANONYMOUS : kept,
      file: isAnonymous ? null : file,
      offset: isAnonymous ? 0 : request.offset,
      name,
    },
    shared,
  );
  area.mayWrite = mayWrite;
  return area;
}
