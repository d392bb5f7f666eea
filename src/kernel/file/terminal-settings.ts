/** A terminal's termios and the ioctls that read and set it (ioctl_tty(2)). */
import { EFAULT, ENOTTY } from "../../abi/errno.ts";
import { FIONREAD, TCGETS, TCSETS, TCSETSF, TCSETSW, TIOCGPGRP, TIOCGWINSZ, TIOCSPGRP } from "../../abi/file.ts";
import {
  CONTROL_FLAGS_DEFAULT,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IUTF8,
  IXON,
  NCCS,
  ONLCR,
  OPOST,
  TERMIOS_BYTES,
  TIOCGSID,
  TIOCNOTTY,
  TIOCSCTTY,
  TIOCSWINSZ,
  WINSIZE_BYTES,
} from "../../abi/terminal.ts";
import type { Terminal } from "./terminal.ts";

/** Nothing below this address belongs to a program. */
const LOWEST_ADDRESS = 4096;
/** Ctrl-C, Ctrl-\, DEL, Ctrl-U, Ctrl-D, 0, 1, 0, Ctrl-Q, Ctrl-S, Ctrl-Z, 0, Ctrl-R, Ctrl-O, Ctrl-W, Ctrl-V, 0 … */
const CONTROL_CHARACTERS: readonly number[] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];

export class TerminalSettings {
  inputFlags = 0;
  outputFlags = 0;
  controlFlags = 0;
  localFlags = 0;
  readonly controlCharacters: Uint8Array = new Uint8Array(NCCS);

  constructor() {
    this.reset();
  }

  reset(): void {
    this.inputFlags = ICRNL | IXON | IUTF8;
    this.outputFlags = OPOST | ONLCR;
    this.controlFlags = CONTROL_FLAGS_DEFAULT;
    this.localFlags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    this.controlCharacters.set(CONTROL_CHARACTERS);
  }

  write(view: DataView, address: number): void {
    const words = [this.inputFlags, this.outputFlags, this.controlFlags, this.localFlags];
    for (const [index, word] of words.entries()) view.setUint32(address + 4 * index, word, true);
    view.setUint8(address + 16, 0);
    for (let k = 0; k < NCCS; k++) view.setUint8(address + 17 + k, this.controlCharacters[k] as number);
  }

  read(view: DataView, address: number): void {
    this.inputFlags = view.getUint32(address, true);
    this.outputFlags = view.getUint32(address + 4, true);
    this.controlFlags = view.getUint32(address + 8, true);
    this.localFlags = view.getUint32(address + 12, true);
    for (let k = 0; k < NCCS; k++) this.controlCharacters[k] = view.getUint8(address + 17 + k);
  }
}

/** An ioctl on a terminal: 0 or -errno. */
export function terminalControl(terminal: Terminal, request: number, argument: number, memory: Uint8Array): number {
  if (request === TIOCSCTTY || request === TIOCNOTTY) return 0;
  const byteLength = argumentBytes(request);
  if (byteLength === 0) return -ENOTTY;
  if (!(argument >= LOWEST_ADDRESS && argument + byteLength <= memory.length)) return -EFAULT;
  const view = new DataView(memory.buffer);
  switch (request) {
    case TCGETS:
      terminal.settings.write(view, argument);
      return 0;
    case TCSETSF:
      terminal.discardInput();
      terminal.settings.read(view, argument);
      terminal.apply();
      return 0;
    case TCSETS:
    case TCSETSW:
      terminal.settings.read(view, argument);
      terminal.apply();
      return 0;
    case TIOCGWINSZ:
      view.setUint16(argument, terminal.host.rows, true);
      view.setUint16(argument + 2, terminal.host.columns, true);
      view.setUint32(argument + 4, 0, true);
      return 0;
    case TIOCGPGRP:
      view.setInt32(argument, terminal.foregroundGroup, true);
      return 0;
    case TIOCGSID:
      view.setInt32(argument, terminal.session, true);
      return 0;
    case TIOCSPGRP:
      terminal.foregroundGroup = view.getInt32(argument, true);
      return 0;
    case FIONREAD:
      view.setInt32(argument, terminal.inputBytes, true);
      return 0;
    default:
      // TIOCSWINSZ: the window is the host's.
      return 0;
  }
}

/** How many bytes a request's argument points to; 0 for a request that terminals do not know. */
function argumentBytes(request: number): number {
  switch (request) {
    case TCGETS:
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
      return TERMIOS_BYTES;
    case TIOCGWINSZ:
    case TIOCSWINSZ:
      return WINSIZE_BYTES;
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
    case FIONREAD:
      return 4;
    default:
      return 0;
  }
}
