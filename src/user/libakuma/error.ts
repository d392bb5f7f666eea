/**
 * The one exception of libakuma's high-level half. It carries the errno and, as std::io::Error does, a kind that names it
 * independently of the system.
 */
import * as errno from "../../abi/errno.ts";

export type ErrorKind =
  | "AddrInUse"
  | "AddrNotAvailable"
  | "AlreadyExists"
  | "ArgumentListTooLong"
  | "BrokenPipe"
  | "ConnectionAborted"
  | "ConnectionRefused"
  | "ConnectionReset"
  | "CrossesDevices"
  | "Deadlock"
  | "DirectoryNotEmpty"
  | "ExecutableFileBusy"
  | "FileTooLarge"
  | "FilesystemLoop"
  | "HostUnreachable"
  | "InProgress"
  | "Interrupted"
  | "InvalidData"
  | "InvalidFilename"
  | "InvalidInput"
  | "IsADirectory"
  | "NetworkDown"
  | "NetworkUnreachable"
  | "NotADirectory"
  | "NotConnected"
  | "NotFound"
  | "NotSeekable"
  | "OutOfMemory"
  | "PermissionDenied"
  | "QuotaExceeded"
  | "ReadOnlyFilesystem"
  | "ResourceBusy"
  | "StaleNetworkFileHandle"
  | "StorageFull"
  | "TimedOut"
  | "TooManyLinks"
  | "Uncategorized"
  | "UnexpectedEof"
  | "Unsupported"
  | "WouldBlock"
  | "WriteZero";

/** As the standard library of Rust decodes errno on Unix. */
const kinds: ReadonlyMap<number, ErrorKind> = new Map<number, ErrorKind>([
  [errno.E2BIG, "ArgumentListTooLong"],
  [errno.EADDRINUSE, "AddrInUse"],
  [errno.EADDRNOTAVAIL, "AddrNotAvailable"],
  [errno.EBUSY, "ResourceBusy"],
  [errno.ECONNABORTED, "ConnectionAborted"],
  [errno.ECONNREFUSED, "ConnectionRefused"],
  [errno.ECONNRESET, "ConnectionReset"],
  [errno.EDEADLK, "Deadlock"],
  [errno.EDQUOT, "QuotaExceeded"],
  [errno.EEXIST, "AlreadyExists"],
  [errno.EFBIG, "FileTooLarge"],
  [errno.EHOSTUNREACH, "HostUnreachable"],
  [errno.EINTR, "Interrupted"],
  [errno.EINVAL, "InvalidInput"],
  [errno.EISDIR, "IsADirectory"],
  [errno.ELOOP, "FilesystemLoop"],
  [errno.ENOENT, "NotFound"],
  [errno.ENOMEM, "OutOfMemory"],
  [errno.ENOSPC, "StorageFull"],
  [errno.ENOSYS, "Unsupported"],
  [errno.EOPNOTSUPP, "Unsupported"],
  [errno.EMLINK, "TooManyLinks"],
  [errno.ENAMETOOLONG, "InvalidFilename"],
  [errno.ENETDOWN, "NetworkDown"],
  [errno.ENETUNREACH, "NetworkUnreachable"],
  [errno.ENOTCONN, "NotConnected"],
  [errno.ENOTDIR, "NotADirectory"],
  [errno.ENOTEMPTY, "DirectoryNotEmpty"],
  [errno.EPIPE, "BrokenPipe"],
  [errno.EROFS, "ReadOnlyFilesystem"],
  [errno.ESPIPE, "NotSeekable"],
  [errno.ESTALE, "StaleNetworkFileHandle"],
  [errno.ETIMEDOUT, "TimedOut"],
  [errno.ETXTBSY, "ExecutableFileBusy"],
  [errno.EXDEV, "CrossesDevices"],
  [errno.EINPROGRESS, "InProgress"],
  [errno.EACCES, "PermissionDenied"],
  [errno.EPERM, "PermissionDenied"],
  [errno.EAGAIN, "WouldBlock"],
]);

export class AkumaError extends Error {
  override readonly name: string = "AkumaError";
  readonly kind: ErrorKind;
  /** The positive error number; 0 where no system call failed (UnexpectedEof, a name that is no address). */
  readonly errno: number;
  /** "ECONNREFUSED"; the kind where there is no errno. */
  readonly code: string;

  constructor(kind: ErrorKind, errno: number, code: string, message: string) {
    super(message);
    this.kind = kind;
    this.errno = errno;
    this.code = code;
  }

  /** From a system call's result (negative or positive errno). The message is the C library's text after what was tried. */
  static fromErrno(result: number, doing: string): AkumaError {
    const number = Math.abs(result);
    return new AkumaError(
      kinds.get(number) ?? "Uncategorized",
      number,
      errno.errnoName(number),
      `${doing}: ${errno.errnoText(number)}`,
    );
  }

  static fromKind(kind: ErrorKind, message: string): AkumaError {
    return new AkumaError(kind, 0, kind, message);
  }
}

/** The text of what went wrong without what was tried: "Connection refused". */
export function reason(error: unknown): string {
  if (error instanceof AkumaError && error.errno !== 0) return errno.errnoText(error.errno);
  return error instanceof Error ? error.message : String(error);
}
