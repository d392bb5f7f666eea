/** What calls on terminals depend on who makes them: job control, the time-outs of raw reading, and the ioctls of sessions (ioctl_tty(2)). */
import { EAGAIN, EFAULT, EINVAL, EIO, ENOTTY, EPERM, ESRCH } from "../../abi/errno.ts";
import { FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK, TCSETS, TCSETSF, TCSETSW, TIOCGPGRP, TIOCSPGRP } from "../../abi/file.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGTTIN, SIGTTOU } from "../../abi/signal.ts";
import {
  TCFLSH,
  TCSBRK,
  TCSBRKP,
  TCSETS2,
  TCSETSF2,
  TCSETSW2,
  TCXONC,
  TIOCGPTPEER,
  TIOCGSID,
  TIOCNOTTY,
  TIOCSCTTY,
  TOSTOP,
} from "../../abi/terminal.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { Terminal } from "../file/terminal.ts";
import { checkForeground, giveUpTerminal, takeTerminal } from "../task/job-control.ts";
import type { Process } from "../task/process.ts";
import type { Task } from "../task/task.ts";
import { PseudoTerminalMaster, TerminalFile } from "../vfs/devfs/terminal-file.ts";
import { openPath } from "../vfs/open-path.ts";

/** VTIME counts in these. */
const TIME_UNIT_MILLISECONDS = 100;

/** read(2) on a terminal. */
export function readTerminal(
  task: Task,
  fd: number,
  file: OpenFile,
  terminal: Terminal,
  address: number,
  length: number,
): number {
  const bad = checkForeground(task, terminal, SIGTTIN);
  if (bad !== 0) return bad;
  const { bytes } = task.process.memory;
  const { discipline, settings } = terminal;
  if (settings.isCanonical || length === 0) return waitFor(task, fd, file, file.read(bytes, address, length));
  const { minimum, time } = discipline;
  // Interrupted, a read gives what has come so far.
  if (task.isInterrupted && discipline.readableBytes > 0) return file.read(bytes, address, length);
  const wanted = Math.min(length, Math.max(1, minimum));
  const isNonblocking = (file.flags & O_NONBLOCK) !== 0;
  if (time > 0 && !isNonblocking && !task.timedOut && discipline.readableBytes < wanted) {
    // With MIN the time begins anew with each byte, the first one included; without, it runs from the start.
    const available = discipline.readableBytes;
    if (minimum === 0) task.setTimeout(time * TIME_UNIT_MILLISECONDS);
    else if (available > 0 && task.scratch !== available) {
      task.scratch = available;
      task.restartTimeout(time * TIME_UNIT_MILLISECONDS);
    }
    return waitFor(task, fd, file, available === 0 ? file.read(bytes, address, length) : -EAGAIN, 0);
  }
  if (minimum > 0 && time === 0 && !isNonblocking && discipline.readableBytes < wanted) {
    if (discipline.readableBytes === 0) file.read(bytes, address, length);
    if (discipline.readableBytes < wanted) return waitFor(task, fd, file, -EAGAIN);
  }
  const result = file.read(bytes, address, length);
  if (result !== -EAGAIN) return result;
  // MIN 0: the time is over, or there was none to wait.
  return minimum === 0 ? 0 : waitFor(task, fd, file, result);
}

function waitFor(task: Task, fd: number, file: OpenFile, result: number, onTimeout = -EAGAIN): number {
  if (result !== -EAGAIN) return result;
  const blocked = task.blockOnFile(fd, file, POLLIN, Number.POSITIVE_INFINITY);
  return blocked === -EAGAIN && (file.flags & O_NONBLOCK) === 0 ? onTimeout : blocked;
}

/** Before write(2) on a terminal: stty tostop. 0 or -errno. */
export function checkTerminalWrite(task: Task, terminal: Terminal): number {
  return (terminal.settings.localFlags & TOSTOP) === 0 ? 0 : checkForeground(task, terminal, SIGTTOU);
}

/** ioctl(2) on either end of a terminal. */
export function terminalControl(task: Task, file: OpenFile, request: number, argument: number): number {
  if (file instanceof PseudoTerminalMaster) return masterControl(task, file, request, argument);
  const { terminal } = file;
  // Hung up.
  if (terminal === null) return file.control(request, argument, task.process.memory.bytes);
  switch (request) {
    case TIOCSCTTY:
      return takeTerminal(task.process, terminal, argument === 1);
    case TIOCNOTTY:
      return leaveTerminal(task.process, terminal);
    case TIOCGPGRP:
      if (task.process.terminal !== terminal) return -ENOTTY;
      return giveNumber(task.process, argument, terminal.foregroundGroup);
    case TIOCGSID:
      if (task.process.terminal !== terminal || terminal.session === 0) return -ENOTTY;
      return giveNumber(task.process, argument, terminal.session);
    case TIOCSPGRP: {
      const stopped = checkForeground(task, terminal, SIGTTOU);
      return stopped === 0 ? setForegroundGroup(task, terminal, argument) : stopped;
    }
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
    case TCFLSH: {
      const stopped = checkForeground(task, terminal, SIGTTOU);
      if (stopped !== 0) return stopped;
      break;
    }
    default:
  }
  return file.control(request, argument, task.process.memory.bytes);
}

/** The master stands for its terminal; who asks need not belong to the terminal's session. */
function masterControl(task: Task, master: PseudoTerminalMaster, request: number, argument: number): number {
  const { terminal } = master.pseudoTerminal;
  switch (request) {
    case TIOCGPTPEER:
      return openPeer(task, terminal.number, argument);
    case TIOCGPGRP:
      return giveNumber(task.process, argument, terminal.foregroundGroup);
    case TIOCGSID:
      return terminal.session === 0 ? -ENOTTY : giveNumber(task.process, argument, terminal.session);
    case TIOCSPGRP:
      return setForegroundGroup(task, terminal, argument);
    case TIOCSCTTY:
      return takeTerminal(task.process, terminal, argument === 1);
    case TIOCNOTTY:
      return -ENOTTY;
    default:
      return master.control(request, argument, task.process.memory.bytes);
  }
}

function openPeer(task: Task, number: number, flags: number): number {
  const { descriptors } = task.process;
  const room = descriptors.checkRoom();
  if (room < 0) return room;
  const file = openPath(task.system.mounts.rootContext(), `/dev/pts/${number}`, flags);
  if (typeof file === "number") return file;
  if (!(file instanceof TerminalFile)) {
    file.retain().drop();
    return -EIO;
  }
  return descriptors.install(file, (flags & O_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

function giveNumber(process: Process, address: number, value: number): number {
  if (!process.memory.isValid(address, 4)) return -EFAULT;
  process.memory.writeUint32(address, value);
  return 0;
}

function setForegroundGroup(task: Task, terminal: Terminal, address: number): number {
  const { process, system } = task;
  if (process.terminal !== terminal || terminal.session !== process.session) return -ENOTTY;
  if (!process.memory.isValid(address, 4)) return -EFAULT;
  const group = process.memory.readInt32(address);
  if (group < 0) return -EINVAL;
  let isKnown = false;
  for (const member of system.processes.group(group)) {
    isKnown = true;
    if (member.session !== process.session) return -EPERM;
  }
  if (!isKnown) return -ESRCH;
  terminal.setForegroundGroup(group);
  return 0;
}

/** TIOCNOTTY. */
function leaveTerminal(process: Process, terminal: Terminal): number {
  if (process.terminal !== terminal) return -ENOTTY;
  if (process.session === process.processId) giveUpTerminal(process);
  process.terminal = null;
  return 0;
}
