/** A terminal's termios: what it says, and how it lies in a program's memory. */
import {
  BOTHER,
  CBAUD,
  CBAUDEX,
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
} from "../../abi/terminal.ts";

/** Ctrl-C, Ctrl-\, DEL, Ctrl-U, Ctrl-D, 0, 1, 0, Ctrl-Q, Ctrl-S, Ctrl-Z, 0, Ctrl-R, Ctrl-O, Ctrl-W, Ctrl-V, 0 … */
const CONTROL_CHARACTERS: readonly number[] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
/** Bits per second by the code in c_cflag, without and with CBAUDEX. */
const SPEEDS: readonly number[] = [
  0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19_200, 38_400,
];
const EXTENDED_SPEEDS: readonly number[] = [
  0, 57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000,
  2_500_000, 3_000_000, 3_500_000, 4_000_000,
];

export class TerminalSettings {
  inputFlags = 0;
  outputFlags = 0;
  controlFlags = 0;
  localFlags = 0;
  inputSpeed = 0;
  outputSpeed = 0;
  readonly controlCharacters: Uint8Array = new Uint8Array(NCCS);

  constructor() {
    this.reset();
  }

  reset(): void {
    this.inputFlags = ICRNL | IXON;
    this.outputFlags = OPOST | ONLCR;
    this.controlFlags = CONTROL_FLAGS_DEFAULT;
    this.localFlags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    this.inputSpeed = 38_400;
    this.outputSpeed = 38_400;
    this.controlCharacters.set(CONTROL_CHARACTERS);
  }

  /** What a terminal begins with: input by lines, with an echo, signals, and newlines that return the carriage. */
  get isUsual(): boolean {
    const usual = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    if (this.localFlags !== usual || this.outputFlags !== (OPOST | ONLCR)) return false;
    if ((this.inputFlags & ~IUTF8) !== (ICRNL | IXON)) return false;
    return CONTROL_CHARACTERS.every((character, index) => this.controlCharacters[index] === character);
  }

  get isCanonical(): boolean {
    return (this.localFlags & ICANON) !== 0;
  }

  /** struct termios; with `speeds`, struct termios2. */
  write(view: DataView, address: number, speeds: boolean): void {
    view.setUint32(address, this.inputFlags, true);
    view.setUint32(address + 4, this.outputFlags, true);
    view.setUint32(address + 8, this.controlFlags, true);
    view.setUint32(address + 12, this.localFlags, true);
    // N_TTY, the only line discipline.
    view.setUint8(address + 16, 0);
    for (let k = 0; k < NCCS; k++) view.setUint8(address + 17 + k, this.controlCharacters[k] as number);
    if (!speeds) return;
    view.setUint32(address + 17 + NCCS, this.inputSpeed, true);
    view.setUint32(address + 21 + NCCS, this.outputSpeed, true);
  }

  read(view: DataView, address: number, speeds: boolean): void {
    this.inputFlags = view.getUint32(address, true);
    this.outputFlags = view.getUint32(address + 4, true);
    this.controlFlags = view.getUint32(address + 8, true);
    this.localFlags = view.getUint32(address + 12, true);
    for (let k = 0; k < NCCS; k++) this.controlCharacters[k] = view.getUint8(address + 17 + k);
    const code = this.controlFlags & CBAUD;
    if (speeds && code === BOTHER) {
      this.inputSpeed = view.getUint32(address + 17 + NCCS, true);
      this.outputSpeed = view.getUint32(address + 21 + NCCS, true);
    } else {
      this.outputSpeed = (code & CBAUDEX) === 0 ? (SPEEDS[code] ?? 0) : (EXTENDED_SPEEDS[code & ~CBAUDEX] ?? 0);
      this.inputSpeed = this.outputSpeed;
    }
  }
}
