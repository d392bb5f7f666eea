/**
 * Where a download goes. A file is written under a temporary name in the folder of its final one, and takes that name only
 * when it is complete; whatever happens before, the final name stays as it was.
 */
import { SEEK_SET } from "../../libakuma/constants.ts";
import { type Akuma, AkumaError, type File, reason } from "../../libakuma/index.ts";
import { ExitCode, Failure } from "./failure.ts";

export interface Destination {
  /** As messages name it. */
  readonly name: string;
  readonly received: number;
  /** Whether it can go on after a broken connection. */
  readonly canResume: boolean;
  write(start: number, end: number): void | Promise<void>;
  /** Begins anew. */
  restart(): void;
  /** The download is complete. `modified`: milliseconds since 1970, where the server said when. */
  finish(modified: number | undefined): Promise<void>;
  /** Leaves nothing behind. */
  discard(): void;
}

export class FileDestination implements Destination {
  readonly name: string;
  readonly canResume = true;
  received = 0;
  private readonly akuma: Akuma;
  /** Null where the bytes go to their final place at once. */
  private readonly temporaryPath: string | null;
  private file: File | null;

  static async create(akuma: Akuma, path: string): Promise<FileDestination> {
    const stat = akuma.newfstatat(-100, path);
    if (path.endsWith("/") || (typeof stat !== "number" && stat.isDirectory)) {
      throw new Failure(ExitCode.fileIo, `${path}: Is a directory`);
    }
    // A device or a pipe has no contents to keep whole; replacing it by a file is not what is meant.
    if (typeof stat !== "number" && !stat.isFile) return await FileDestination.open(akuma, path, null);
    const slash = path.lastIndexOf("/") + 1;
    // The name is cut: with what is added it must still be one that file systems take.
    const temporary = `${path.slice(0, slash)}.${path.slice(slash).slice(0, 60)}.${akuma.getpid()}.part`;
    return await FileDestination.open(akuma, path, temporary);
  }

  private static async open(akuma: Akuma, path: string, temporary: string | null): Promise<FileDestination> {
    try {
      // A temporary file that lies there is of an earlier process with this number, which cannot run any more.
      const isNew = temporary !== null;
      const file = await akuma.fs.open(temporary ?? path, { write: true, create: isNew, truncate: isNew });
      return new FileDestination(akuma, path, temporary, file);
    } catch (error) {
      throw new Failure(ExitCode.fileIo, `${path}: ${reason(error)}`);
    }
  }

  private constructor(akuma: Akuma, path: string, temporaryPath: string | null, file: File) {
    this.akuma = akuma;
    this.name = path;
    this.temporaryPath = temporaryPath;
    this.file = file;
  }

  write(start: number, end: number): void | Promise<void> {
    const fd = this.file?.fd ?? -1;
    for (let at = start; at < end; ) {
      const count = this.akuma.write(fd, at, end - at);
      if (typeof count !== "number") return this.writeRest(count, at, end);
      if (count <= 0) throw this.failure(count);
      at += count;
      this.received += count;
    }
  }

  restart(): void {
    this.received = 0;
    if (this.temporaryPath === null) return;
    try {
      this.file?.setLength(0);
      this.file?.seek(0, SEEK_SET);
    } catch (error) {
      throw new Failure(ExitCode.fileIo, `${this.name}: ${reason(error)}`);
    }
  }

  async finish(modified: number | undefined): Promise<void> {
    this.file?.close();
    this.file = null;
    if (this.temporaryPath === null) return;
    try {
      if (modified !== undefined) await this.setTime(this.temporaryPath, modified);
      await this.akuma.fs.rename(this.temporaryPath, this.name);
    } catch (error) {
      this.discard();
      throw new Failure(ExitCode.fileIo, `${this.name}: ${reason(error)}`);
    }
  }

  discard(): void {
    this.file?.close();
    this.file = null;
    if (this.temporaryPath !== null) void this.akuma.unlinkat(-100, this.temporaryPath);
  }

  /** A file system without times is no reason to fail. */
  private async setTime(path: string, modified: number): Promise<void> {
    await this.akuma.utimensat(-100, path, null, modified);
  }

  private async writeRest(first: Promise<number>, start: number, end: number): Promise<void> {
    const count = await first;
    if (count <= 0) throw this.failure(count);
    this.received += count;
    await this.write(start + count, end);
  }

  private failure(result: number): Failure {
    return new Failure(ExitCode.fileIo, AkumaError.fromErrno(result, `cannot write to ${this.name}`).message);
  }
}

/** "-": straight to stdout. What is out cannot be taken back. */
export class StandardOutput implements Destination {
  readonly name = "STDOUT";
  readonly canResume = true;
  received = 0;
  private readonly akuma: Akuma;

  constructor(akuma: Akuma) {
    this.akuma = akuma;
  }

  async write(start: number, end: number): Promise<void> {
    try {
      await this.akuma.stdout.writeAll(this.akuma.memory.block(start, end - start));
    } catch (error) {
      throw new Failure(ExitCode.fileIo, `cannot write to stdout: ${reason(error)}`);
    }
    this.received += end - start;
  }

  restart(): void {
    if (this.received > 0) throw new Failure(ExitCode.network, "the server cannot go on where the connection broke");
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  discard(): void {}
}
