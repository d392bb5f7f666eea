/** What every system call may reach: the parts of one kernel, put together at boot. */
import type { Clock } from "../../base/clock.ts";
import type { RandomSource } from "../../base/random.ts";
import type { TimerHeap } from "../../base/timers.ts";
import type { OpenFileCount } from "../file/open-file.ts";
import type { NetStack } from "../net/stack.ts";
import type { Resolver } from "../resolver/resolver.ts";
import type { SocketTable } from "../socket/socket-table.ts";
import type { MountTable } from "../vfs/mount-table.ts";
import type { ProcessTable } from "./process-table.ts";
import type { Task } from "./task.ts";

export interface System {
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly timers: TimerHeap;
  readonly openFiles: OpenFileCount;
  readonly processes: ProcessTable;
  readonly mounts: MountTable;
  readonly net: NetStack;
  readonly sockets: SocketTable;
  readonly resolver: Resolver;
  /** Tasks whose handlers are to run again, in order of waking. */
  readonly runQueue: Task[];
  /** Monotonic milliseconds. */
  now(): number;
  /** Asks the runner for a turn of the kernel soon. */
  requestTurn(): void;
  /** A line for the kernel's log: a guest met something the operator should know. */
  log(message: string): void;
}
