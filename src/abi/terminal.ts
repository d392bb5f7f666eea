/** Terminals: termios flags, control characters and ioctl requests as Linux on arm64 has them. */

/** c_iflag. */
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IUCLC = 0o1000;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IMAXBEL = 0o20000;
export const IUTF8 = 0o40000;
/** c_oflag. */
export const OPOST = 0o1;
export const OLCUC = 0o2;
export const ONLCR = 0o4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
/** TABDLY: both bits say that tabs become spaces. */
export const XTABS = 0o14000;
/** c_cflag: 38,400 baud, 8 bits, receiver on. */
export const CONTROL_FLAGS_DEFAULT: number = 0o17 | 0o60 | 0o200;
/** The speed, as a code; BOTHER takes it from termios2's own words. */
export const CBAUD = 0o10017;
export const CBAUDEX = 0o10000;
export const BOTHER = 0o10000;
/** c_lflag. */
export const ISIG = 0o1;
export const ICANON = 0o2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;

/** Places in c_cc. */
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;
export const NCCS = 19;
/** sizeof(struct termios) as the kernel has it: four flag words, the line discipline, the control characters. */
export const TERMIOS_BYTES: number = 17 + NCCS;
/** sizeof(struct termios2): the two speeds follow. */
export const TERMIOS2_BYTES: number = TERMIOS_BYTES + 8;
/** sizeof(struct winsize): rows, columns, and two pixel sizes of 16 bits each. */
export const WINSIZE_BYTES = 8;

export const TCSBRK = 0x5409;
export const TCXONC = 0x540a;
export const TCFLSH = 0x540b;
export const TIOCEXCL = 0x540c;
export const TIOCNXCL = 0x540d;
export const TIOCSCTTY = 0x540e;
export const TIOCOUTQ = 0x5411;
export const TIOCSTI = 0x5412;
export const TIOCSWINSZ = 0x5414;
export const TIOCNOTTY = 0x5422;
export const TIOCSETD = 0x5423;
export const TIOCGETD = 0x5424;
export const TCSBRKP = 0x5425;
export const TIOCGSID = 0x5429;
export const TCGETS2 = 0x802c542a;
export const TCSETS2 = 0x402c542b;
export const TCSETSW2 = 0x402c542c;
export const TCSETSF2 = 0x402c542d;
export const TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431;
export const TIOCGPTLCK = 0x80045439;
export const TIOCGPTPEER = 0x5441;

/** Arguments of TCFLSH and TCXONC. */
export const TCIFLUSH = 0;
export const TCOFLUSH = 1;
export const TCIOFLUSH = 2;
export const TCOOFF = 0;
export const TCOON = 1;
export const TCIOFF = 2;
export const TCION = 3;

/** Major number of the user's ends of pseudo terminals, and of /dev/tty and /dev/ptmx. */
export const PTS_MAJOR = 136;
export const TTYAUX_MAJOR = 5;
/** What statfs(2) tells of /dev/pts. */
export const DEVPTS_SUPER_MAGIC = 0x1cd1;
