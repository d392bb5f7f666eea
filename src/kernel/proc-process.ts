/** What /proc/PID shows of one process. */
import { EINVAL, ENOENT, ESRCH } from "../abi/errno.ts";
import { FD_CLOEXEC, O_CLOEXEC } from "../abi/file.ts";
import type { OpenFile } from "./file/open-file.ts";
import { argumentsText, environmentText, mapsText, smapsRollupText, smapsText, statmText } from "./proc-memory.ts";
import { limitsText, statText, statusText } from "./proc-status.ts";
import type { Process } from "./task/process.ts";
import type { Thread } from "./task/thread.ts";
import { pathOf } from "./vfs/path-walk.ts";
import { nodeOfOpenFile } from "./vfs/procfs/descriptor-link.ts";
import {
  type FileOwner,
  fixedDirectory,
  type ProcDirectory,
  type ProcLink,
  type ProcNode,
  textFile,
} from "./vfs/procfs/procfs.ts";
import { VfsFile } from "./vfs/vfs-file.ts";

/** Ids are what they are: there are no user namespaces. */
const IDENTITY_MAP = `${"0".padStart(10)} ${"0".padStart(10)} ${"4294967295".padStart(10)}\n`;

export interface ProcessView {
  process: Process;
  /** Milliseconds of the monotonic clock when the kernel booted. */
  bootedMilliseconds: number;
  /** /proc/PID/mounts and the like, which are the same for all. */
  mounts: ProcNode;
  mountInformation: ProcNode;
  net: ProcDirectory;
}

export function processDirectory(view: ProcessView): ProcDirectory {
  const { process } = view;
  const owner = (): FileOwner => {
    const { effectiveUserId: userId, effectiveGroupId: groupId } = process.credentials;
    // proc(5): what may not be dumped is root's.
    return process.isDumpable ? { userId, groupId } : { userId: 0, groupId: 0 };
  };
  const entries: Record<string, ProcNode> = {
    ...ownEntries(view),
    ...threadEntries(view, process.mainThread),
    task: threadsDirectory(view),
  };
  return fixedDirectory(entries, { owner });
}

/** /proc/PID/task: a directory for each thread. */
function threadsDirectory(view: ProcessView): ProcDirectory {
  const threads = (): Thread[] => [...view.process.threads];
  return {
    kind: "directory",
    names: () => threads().map(({ threadId }) => String(threadId)),
    get: (name) => {
      const thread = threads().find(({ threadId }) => String(threadId) === name);
      return thread === undefined ? null : fixedDirectory({ ...ownEntries(view), ...threadEntries(view, thread) });
    },
  };
}

/** What a thread has of its own. */
function threadEntries({ process, bootedMilliseconds }: ProcessView, thread: Thread): Record<string, ProcNode> {
  return {
    stat: textFile(() => statText(process, thread, bootedMilliseconds)),
    status: textFile(() => statusText(process, thread)),
    wchan: textFile(() => "0"),
  };
}

/** What all threads of a process show alike. */
function ownEntries(view: ProcessView): Record<string, ProcNode> {
  const { process } = view;
  return {
    cgroup: textFile(() => "0::/\n"),
    cmdline: textFile(() => argumentsText(process)),
    comm: {
      kind: "file",
      mode: 0o644,
      read: () => `${process.name}\n`,
      write: (text) => {
        process.name = text.replace(/\n$/, "").slice(0, 15);
        return 0;
      },
    },
    cwd: {
      kind: "link",
      target: () => pathOf(process.fileSystem.workingDirectory),
      follow: () => (process.hasExited ? -ESRCH : process.fileSystem.workingDirectory),
    },
    environ: textFile(() => environmentText(process), 0o400),
    exe: { kind: "link", target: () => process.executable },
    fd: descriptorDirectory(process, (descriptor) => descriptorLink(process, descriptor)),
    fdinfo: descriptorDirectory(process, (descriptor) =>
      textFile(() => {
        const file = process.descriptors.getWithPath(descriptor);
        return file === null
          ? -ENOENT
          : descriptorText(file, (process.descriptors.flagsOf(descriptor) & FD_CLOEXEC) !== 0);
      }),
    ),
    limits: textFile(() => limitsText(process)),
    maps: textFile(() => mapsText(process)),
    mountinfo: view.mountInformation,
    mounts: view.mounts,
    net: view.net,
    root: {
      kind: "link",
      target: () => pathOf(process.fileSystem.root),
      follow: () => process.fileSystem.root,
    },
    smaps: textFile(() => smapsText(process)),
    smaps_rollup: textFile(() => smapsRollupText(process)),
    statm: textFile(() => statmText(process)),
    gid_map: textFile(() => IDENTITY_MAP),
    loginuid: textFile(() => "4294967295"),
    oom_adj: textFile(() => "0\n"),
    oom_score: textFile(() => "0\n"),
    oom_score_adj: {
      kind: "file",
      mode: 0o644,
      read: () => `${process.oomScoreAdjustment}\n`,
      write: (text) => {
        const value = /^\s*-?\d{1,4}\s*$/.test(text) ? Number(text) : Number.NaN;
        if (!(value >= -1000 && value <= 1000)) return -EINVAL;
        process.oomScoreAdjustment = value;
        return 0;
      },
    },
    personality: textFile(() => "00000000\n", 0o400),
    sessionid: textFile(() => "4294967295"),
    setgroups: textFile(() => "allow\n"),
    uid_map: textFile(() => IDENTITY_MAP),
  };
}

function descriptorText(file: OpenFile, closesOnExec: boolean): string {
  const flags = (file.flags | (closesOnExec ? O_CLOEXEC : 0)).toString(8);
  const status = file.status();
  const mount = file instanceof VfsFile ? file.node.mount.identifier : 0;
  const inode = typeof status === "number" ? 0 : status.inode;
  return `pos:\t${file.position}\nflags:\t0${flags}\nmnt_id:\t${mount}\nino:\t${inode}\n`;
}

function descriptorDirectory(process: Process, node: (descriptor: number) => ProcNode): ProcDirectory {
  return {
    kind: "directory",
    mode: 0o500,
    names: () => process.descriptors.descriptors().map(String),
    get: (name) => {
      const descriptor = /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : -1;
      return process.descriptors.getWithPath(descriptor) === null ? null : node(descriptor);
    },
  };
}

function descriptorLink(process: Process, descriptor: number): ProcLink {
  const file = (): OpenFile | null => process.descriptors.getWithPath(descriptor);
  return {
    kind: "link",
    target: () => file()?.describe() ?? -ENOENT,
    follow: () => {
      const open = file();
      return open === null ? -ENOENT : nodeOfOpenFile(open, process.system.mounts.root());
    },
  };
}
