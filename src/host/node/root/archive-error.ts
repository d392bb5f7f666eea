/** An archive that cannot be a root file system: its message says which, and why. */
export class ArchiveError extends Error {
  override name = "ArchiveError";
  /** As other errors of the host's have it. */
  readonly code = "EINVAL";
}
