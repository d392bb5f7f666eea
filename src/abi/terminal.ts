/** Terminals: termios flags, control characters and ioctl requests as Linux on arm64 has them. */

/** c_iflag. */
export const ICRNL = 0o400;
export const IXON = 0o2000;
export const IUTF8 = 0o40000;
/** c_oflag. */
export const OPOST = 0o1;
export const ONLCR = 0o4;
/** c_cflag: 38,400 baud, 8 bits, receiver on. */
export const CONTROL_FLAGS_DEFAULT: number = 0o17 | 0o60 | 0o200;
/** c_lflag. */
export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHOCTL = 0o1000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;

/** Places in c_cc. */
export const VINTR = 0;
export const VQUIT = 1;
export const VEOF = 4;
export const VMIN = 6;
export const VSUSP = 10;
export const NCCS = 19;
/** sizeof(struct termios) as the kernel has it: four flag words, the line discipline, the control characters. */
export const TERMIOS_BYTES: number = 17 + NCCS;
/** sizeof(struct winsize): rows, columns, and two pixel sizes of 16 bits each. */
export const WINSIZE_BYTES = 8;

export const TIOCSCTTY = 0x540e;
export const TIOCSWINSZ = 0x5414;
export const TIOCNOTTY = 0x5422;
export const TIOCGSID = 0x5429;
