/** The tables of both ABIs: the families of calls, and for `akuma` the specification's own numbers instead of Linux's. */
import type { ProgramLoader } from "../exec/spawn.ts";
import { attributeCalls } from "../syscall/attributes.ts";
import type { SyscallDefinition } from "../syscall/definition.ts";
import { descriptorCalls } from "../syscall/descriptor.ts";
import { directoryCalls } from "../syscall/directory.ts";
import { epollCalls } from "../syscall/epoll.ts";
import { eventCalls } from "../syscall/eventfd.ts";
import { extendedAttributeCalls } from "../syscall/extended-attributes.ts";
import { fileLockCalls } from "../syscall/file-lock.ts";
import { futexCalls } from "../syscall/futex.ts";
import { identityCalls } from "../syscall/identity.ts";
import { inotifyCalls } from "../syscall/inotify.ts";
import { linkCalls } from "../syscall/link.ts";
import { machineCalls } from "../syscall/machine.ts";
import { memfdCalls } from "../syscall/memfd.ts";
import { memoryAkumaCalls, memoryCalls } from "../syscall/memory.ts";
import { messageCalls } from "../syscall/message.ts";
import { miscCalls } from "../syscall/misc.ts";
import { openAkumaCalls, openCalls } from "../syscall/open.ts";
import { openat2Calls } from "../syscall/openat2.ts";
import { pidfdCalls } from "../syscall/pidfd.ts";
import { pipeCalls } from "../syscall/pipe.ts";
import { pollCalls } from "../syscall/poll.ts";
import { posixTimerCalls } from "../syscall/posix-timer.ts";
import { processAkumaCalls, processCalls } from "../syscall/process.ts";
import { processControlCalls } from "../syscall/process-control.ts";
import { readWriteAkumaCalls, readWriteCalls } from "../syscall/read-write.ts";
import { refusedCalls } from "../syscall/refused.ts";
import { resolveHostCalls } from "../syscall/resolve-host.ts";
import { scheduleCalls } from "../syscall/schedule.ts";
import { sendfileCalls } from "../syscall/sendfile.ts";
import { sharedSegmentCalls } from "../syscall/shared-segment.ts";
import { signalCalls } from "../syscall/signal.ts";
import { signalfdCalls } from "../syscall/signalfd.ts";
import { socketCalls } from "../syscall/socket.ts";
import { socketIoCalls } from "../syscall/socket-io.ts";
import { socketOptionCalls } from "../syscall/socket-option.ts";
import { spawnCalls } from "../syscall/spawn.ts";
import { spliceCalls } from "../syscall/splice.ts";
import { statCalls } from "../syscall/stat.ts";
import { synchronizeCalls } from "../syscall/synchronize.ts";
import { timeAkumaCalls, timeCalls } from "../syscall/time.ts";
import { SyscallTable } from "./syscall-table.ts";

const linuxCalls: readonly SyscallDefinition[] = [
  ...socketOptionCalls,
  ...socketIoCalls,
  ...resolveHostCalls,
  ...messageCalls,
  ...socketCalls,
  ...attributeCalls,
  ...descriptorCalls,
  ...directoryCalls,
  ...epollCalls,
  ...eventCalls,
  ...extendedAttributeCalls,
  ...futexCalls,
  ...fileLockCalls,
  ...identityCalls,
  ...inotifyCalls,
  ...linkCalls,
  ...memfdCalls,
  ...memoryCalls,
  ...miscCalls,
  ...openCalls,
  ...pidfdCalls,
  ...openat2Calls,
  ...pipeCalls,
  ...pollCalls,
  ...posixTimerCalls,
  ...processCalls,
  ...processControlCalls,
  ...readWriteCalls,
  ...refusedCalls,
  ...scheduleCalls,
  ...sendfileCalls,
  ...sharedSegmentCalls,
  ...signalCalls,
  ...signalfdCalls,
  ...spliceCalls,
  ...statCalls,
  ...synchronizeCalls,
  ...timeCalls,
];

/** Where the akuma ABI differs: these stand in place of what Linux has under the same number. */
const akumaCalls: readonly SyscallDefinition[] = [
  ...memoryAkumaCalls,
  ...openAkumaCalls,
  ...processAkumaCalls,
  ...readWriteAkumaCalls,
  ...timeAkumaCalls,
];

export function makeSyscallTables(loader: ProgramLoader): { linux: SyscallTable; akuma: SyscallTable } {
  const own = [...machineCalls(loader), ...spawnCalls(loader)];
  return {
    linux: new SyscallTable([...linuxCalls, ...own]),
    akuma: new SyscallTable([...linuxCalls, ...akumaCalls, ...own]),
  };
}
