/**
 * Sessions, process groups and the terminals that they share: who is in the foreground, who gets SIGHUP, and what becomes of a
 * process that reads from a terminal behind its back (setsid(2), tcsetpgrp(3), credentials(7)).
 */
import { EINTR, EIO, EPERM } from "../../abi/errno.ts";
import { SIGCONT, SIGHUP, type SIGTTIN, SIGTTOU } from "../../abi/signal.ts";
import type { Terminal } from "../file/terminal.ts";
import type { Process } from "./process.ts";
import { signalBit } from "./signal-queue.ts";
import type { System } from "./system.ts";
import type { Task } from "./task.ts";

/** Lets a terminal's keyboard reach the processes. */
export function connectTerminal(system: System, terminal: Terminal): void {
  terminal.onSignal = (signal, group) => signalGroup(system, group, signal);
  terminal.onHangUp = () => hangUpSession(system, terminal);
}

export function signalGroup(system: System, group: number, signal: number): void {
  for (const process of [...system.processes.group(group)]) process.signals.raise(signal);
}

/** Makes a terminal that no session has the controlling terminal of a session leader that has none. */
export function acquireTerminal(leader: Process, terminal: Terminal): void {
  leader.terminal = terminal;
  terminal.session = leader.session;
  terminal.setForegroundGroup(leader.processGroup);
}

/** open(2) without O_NOCTTY: a session leader without a terminal gets the first one that it opens and nobody has. */
export function acquireOnOpen(process: Process, terminal: Terminal): void {
  const isLeader = process.session === process.processId;
  if (isLeader && process.terminal === null && terminal.session === 0) acquireTerminal(process, terminal);
}

/** TIOCSCTTY. `steals` is its argument 1: root may take a terminal away from another session. */
export function takeTerminal(process: Process, terminal: Terminal, steals: boolean): number {
  const isLeader = process.session === process.processId;
  if (isLeader && terminal.session === process.session) return 0;
  if (!isLeader || process.terminal !== null) return -EPERM;
  if (terminal.session !== 0) {
    if (!steals) return -EPERM;
    leaveSession(process.system, terminal);
  }
  acquireTerminal(process, terminal);
  return 0;
}

/** A session leader gives its terminal up, by TIOCNOTTY or by its end: the session has none any more, and the foreground is hung up. */
export function giveUpTerminal(leader: Process, hasExited = false): void {
  const { terminal, system } = leader;
  const group = terminal === null ? leader.hungUpGroup : terminal.foregroundGroup;
  leader.hungUpGroup = 0;
  if (terminal !== null) leaveSession(system, terminal);
  if (group === 0) return;
  signalGroup(system, group, SIGHUP);
  // Linux leaves who is stopped at the leader's end to the rule about orphaned groups.
  if (terminal === null || !hasExited) signalGroup(system, group, SIGCONT);
}

/** Nobody has the terminal any more. */
function leaveSession(system: System, terminal: Terminal): void {
  for (const process of system.processes.all()) {
    if (process.terminal === terminal) process.terminal = null;
  }
  terminal.session = 0;
  terminal.setForegroundGroup(0);
}

/** The line is gone: the leader learns of it, and those in the foreground when the leader ends. */
function hangUpSession(system: System, terminal: Terminal): void {
  const leader = terminal.session === 0 ? null : system.processes.get(terminal.session);
  const group = terminal.foregroundGroup;
  leaveSession(system, terminal);
  if (leader === null || leader.hasExited) return;
  leader.hungUpGroup = group;
  leader.signals.raise(SIGHUP);
  leader.signals.raise(SIGCONT);
}

/** A group is orphaned when nobody outside of it, but in its session, is a parent in it: nobody would continue it. */
export function isOrphanedGroup(system: System, group: number, leaving: Process | null = null): boolean {
  for (const process of system.processes.group(group)) {
    if (process.hasExited || process === leaving) continue;
    const { parent } = process;
    if (parent === null || parent.hasExited) continue;
    if (parent.processGroup !== group && parent.session === process.session) return false;
  }
  return true;
}

/** Called by a process that has just ended, while its children are still its own. */
export function leaveJobs(process: Process): void {
  const { system } = process;
  if (process.session === process.processId) giveUpTerminal(process, true);
  process.terminal = null;
  // Only who was a tie to outside of a group can leave it orphaned; one that was before is left in peace.
  const groups = new Set<number>();
  const { parent, processGroup: own } = process;
  if (parent !== null && parent.session === process.session && parent.processGroup !== own) groups.add(own);
  for (const child of process.children) {
    if (child.session === process.session && child.processGroup !== own) groups.add(child.processGroup);
  }
  // POSIX: a group that nobody can continue any more, and that has stopped members, is hung up and continued.
  for (const group of groups) {
    let hasStopped = false;
    for (const member of system.processes.group(group)) hasStopped ||= member.isStopped && !member.hasExited;
    if (!hasStopped || !isOrphanedGroup(system, group, process)) continue;
    signalGroup(system, group, SIGHUP);
    signalGroup(system, group, SIGCONT);
  }
}

/**
 * Whether a process may read from its terminal (SIGTTIN), or write to it or change it (SIGTTOU), now: 0, or -errno.
 * Where it may not, its whole group is told.
 */
export function checkForeground(task: Task, terminal: Terminal, signal: typeof SIGTTIN | typeof SIGTTOU): number {
  const { process, system } = task;
  if (process.terminal !== terminal) return 0;
  const group = process.processGroup;
  if (terminal.foregroundGroup === group || terminal.foregroundGroup === 0) return 0;
  const isIgnored = process.signals.isIgnored(signal) || (task.thread.blocked & signalBit(signal)) !== 0n;
  if (signal === SIGTTOU) {
    if (isIgnored) return 0;
    if (isOrphanedGroup(system, group)) return -EIO;
  } else if (isIgnored || isOrphanedGroup(system, group)) return -EIO;
  signalGroup(system, group, signal);
  // Stopped, the process makes the call again when it goes on; or a handler runs, and the call is interrupted.
  return -EINTR;
}
