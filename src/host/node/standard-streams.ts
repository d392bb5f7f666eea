/** What a program's descriptors 0, 1 and 2 are, as the host asked: its own streams, nothing, or a pipe with a stream at the end. */
import type { Readable, Writable } from "node:stream";
import { O_RDWR } from "../../abi/file.ts";
import { BytesFile } from "../../kernel/file/host-file.ts";
import type { OpenFile } from "../../kernel/file/open-file.ts";
import { createPipe } from "../../kernel/file/pipe.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { openPath } from "../../kernel/vfs/open-path.ts";
import { FileReadable, FileWritable } from "./file-streams.ts";
import type { StandardInput, StandardOutput } from "./kernel-process.ts";
import { hostFile } from "./terminal.ts";

export function standardInput(kernel: Kernel, kind: StandardInput): { file: OpenFile; stream: Writable | null } {
  if (kind === "inherit") return { file: hostFile(kernel, 0), stream: null };
  if (kind === "ignore") return { file: openNull(kernel), stream: null };
  if (kind !== "pipe") {
    const bytes = typeof kind === "string" ? new TextEncoder().encode(kind) : kind;
    return { file: new BytesFile(kernel.openFiles, bytes), stream: null };
  }
  const { reader, writer } = createPipe(kernel.openFiles, 0, kernel.clock.realtimeMilliseconds());
  return { file: reader, stream: new FileWritable(writer.retain()) };
}

export function standardOutput(
  kernel: Kernel,
  kind: StandardOutput,
  descriptor: 1 | 2,
): { file: OpenFile; stream: Readable | null } {
  if (kind === "inherit") return { file: hostFile(kernel, descriptor), stream: null };
  if (kind === "ignore") return { file: openNull(kernel), stream: null };
  const { reader, writer } = createPipe(kernel.openFiles, 0, kernel.clock.realtimeMilliseconds());
  return { file: writer, stream: new FileReadable(reader.retain()) };
}

function openNull(kernel: Kernel): OpenFile {
  const file = openPath(kernel.fileSystem, "/dev/null", O_RDWR);
  if (typeof file === "number") throw new Error("there is no /dev/null");
  return file;
}
