/** Pseudo terminals: settings, the editing of lines, the echo, signals of no session, sizes, and the end of either end. */
import type { Scenario } from "../script.ts";

/** A master and its terminal. */
const open = `
      m = openat(AT_FDCWD, "/dev/ptmx", O_RDWR|O_NOCTTY, 0)
      ioctl(m, TIOCSPTLCK, ints(0))
      s = ioctl(m, TIOCGPTPEER, O_RDWR|O_NOCTTY)`;

interface Settings {
  input?: number;
  output?: number;
  local?: number;
  minimum?: number;
  time?: number;
}

/** A struct termios; VMIN and VTIME are the last two of its first 24 bytes. */
function settings({ input = 0, output = 0, local = 0, minimum = 0, time = 0 }: Settings): string {
  const word = (low: number, high: number): string => `0x${(BigInt(low) | (BigInt(high) << 32n)).toString(16)}`;
  return `longs(${word(input, output)}, ${word(0xbf, local)}, ${word(0, (time << 16) | (minimum << 24))}, 0, 0)`;
}

/** What is typed, as bytes, and what a program and the user see of it. */
const typings: Readonly<Record<string, string>> = {
  "a line": '"abc\\r", 4',
  "two lines": '"abc\\rde\\r", 7',
  "an end of file": 'bytes("616204"), 3',
  "an end of file alone": 'bytes("04"), 1',
  "an erased character": 'bytes("6162637f640d"), 6',
  "an erased character of two bytes": 'bytes("61c3a97f620d"), 6',
  "an erased control character": 'bytes("16037f610d"), 5',
  "an erased tab": 'bytes("6162097f630d"), 6',
  "an erased tab behind a control character": 'bytes("611601097f630d"), 7',
  "an erased word": 'bytes("6f6e652074776f5f332017780d"), 13',
  "an erased word of two kinds": 'bytes("61622d2d17780d"), 7',
  "an erased line": 'bytes("61626315640d"), 6',
  "a reprinted line": 'bytes("616212630d"), 5',
  "a literal character": 'bytes("61167f0d"), 4',
  "an interrupt": 'bytes("616203630d"), 5',
  "a quit and a suspend": 'bytes("611c1a620d"), 5',
  "a stop and a start": 'bytes("611311610d"), 5',
  "nothing to erase": 'bytes("7f1517610d"), 5',
};

function typing([name, bytes]: readonly [string, string]): Scenario {
  return {
    name: `terminals: typing ${name}`,
    script: `${open}
      write(m, ${bytes})
      settle(20)
      ioctl(s, FIONREAD, outint())
      read(m, room(100), 100)
      fcntl(s, F_SETFL, O_NONBLOCK)
      read(s, room(100), 100)
      read(s, room(100), 100)
      read(s, room(100), 100)`,
  };
}

export const terminalScenarios: readonly Scenario[] = [
  ...Object.entries(typings).map(typing),
  {
    name: "terminals: settings, and what belongs to no terminal",
    script: `${open}
      ioctl(s, TCGETS, outlongs(4))
      ioctl(m, TCGETS, outlongs(4))
      ioctl(s, 0x802c542a, outlongs(5))
      ioctl(s, TIOCGWINSZ, outlongs(1))
      ioctl(m, TIOCSWINSZ, longs(0x28003200100020))
      ioctl(s, TIOCGWINSZ, outlongs(1))
      ioctl(s, TIOCGETD, outint())
      ioctl(s, TIOCOUTQ, outint())
      ioctl(s, TIOCGPTN, outint())
      ioctl(s, TIOCGPGRP, outint())
      ioctl(s, TIOCGSID, outint())
      ioctl(m, TIOCGSID, outint())
      ioctl(s, TIOCSPGRP, ints(1))
      ioctl(s, TIOCNOTTY, 0)
      ioctl(s, TCGETS, BAD)
      ioctl(s, TCSETS, BAD)
      ioctl(s, TCFLSH, 3)
      ioctl(s, TCFLSH, TCIOFLUSH)
      ioctl(s, TCXONC, 4)
      ioctl(s, TCSBRK, 0)
      ioctl(s, TCSBRK, 1)
      ioctl(s, 0x4b33, outint())
      lseek(s, 0, SEEK_SET)
      pread64(s, room(4), 4, 0)
      fsync(s)
      readv(s, NULL, 0)`,
  },
  {
    name: "terminals: output is cooked, and has an end",
    script: `${open}
      write(s, "a\\nb\\tc\\r\\n", 8)
      settle(20)
      ioctl(m, FIONREAD, outint())
      ppoll(pollfds(m:POLLIN|POLLOUT, s:POLLIN|POLLOUT), 2, longs(0, 0), NULL, 8)
      read(m, room(4), 4)
      read(m, room(100), 100)
      fcntl(m, F_SETFL, O_NONBLOCK)
      read(m, room(100), 100)
      write(s, "left", 4)
      close(s)
      settle(20)
      ppoll(pollfds(m:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 8)
      read(m, room(100), 100)
      read(m, room(100), 100)
      write(m, "x", 1)
      s = ioctl(m, TIOCGPTPEER, O_RDWR|O_NOCTTY)
      settle(20)
      read(m, room(100), 100)
      write(s, "again", 5)
      settle(20)
      read(m, room(100), 100)`,
  },
  {
    name: "terminals: the master goes",
    script: `${open}
      write(m, "typed\\r", 6)
      settle(20)
      close(m)
      ppoll(pollfds(s:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 8)
      read(s, room(100), 100)
      write(s, "x", 1)
      ioctl(s, TCGETS, outlongs(4))
      ioctl(s, TIOCGWINSZ, outlongs(1))`,
  },
  {
    name: "terminals: locked",
    script: `
      m = openat(AT_FDCWD, "/dev/ptmx", O_RDWR|O_NOCTTY, 0)
      ioctl(m, TIOCGPTLCK, outint())
      ioctl(m, TIOCGPTPEER, O_RDWR|O_NOCTTY)
      ioctl(m, TIOCSPTLCK, ints(0))
      ioctl(m, TIOCGPTLCK, outint())
      fcntl(m, F_SETFL, O_NONBLOCK)
      read(m, room(10), 10)
      write(m, "ab\\r", 3)
      settle(20)
      read(m, room(10), 10)`,
  },
  {
    name: "terminals: bytes as they come, at least one",
    script: `${open}
      write(m, "ab", 2)
      settle(20)
      ioctl(s, TCSETS, ${settings({ minimum: 1 })})
      read(s, room(8), 8)
      write(m, bytes("0d037f04"), 4)
      settle(20)
      ioctl(s, FIONREAD, outint())
      read(s, room(3), 3)
      read(s, room(8), 8)
      @1: read(s, room(8), 8)
      settle(20)
      write(m, "c", 1)
      join(1)`,
  },
  {
    name: "terminals: at least three bytes",
    script: `${open}
      ioctl(s, TCSETS, ${settings({ minimum: 3 })})
      @1: read(s, room(8), 8)
      settle(20)
      write(m, "abc", 3)
      join(1)
      write(m, "de", 2)
      settle(20)
      read(s, room(1), 1)
      read(s, room(8), 8)
      fcntl(s, F_SETFL, O_NONBLOCK)
      read(s, room(8), 8)
      read(s, room(8), 8)`,
  },
  {
    name: "terminals: no bytes at least",
    script: `${open}
      ioctl(s, TCSETS, ${settings({})})
      read(s, room(8), 8)
      fcntl(s, F_SETFL, O_NONBLOCK)
      read(s, room(8), 8)
      ppoll(pollfds(s:POLLIN), 1, longs(0, 0), NULL, 8)
      write(m, "a", 1)
      settle(20)
      read(s, room(8), 8)`,
  },
  {
    name: "terminals: a time for the first byte, and for each",
    script: `${open}
      ioctl(s, TCSETS, ${settings({ time: 2 })})
      read(s, room(8), 8)
      write(m, "a", 1)
      settle(20)
      read(s, room(8), 8)
      ioctl(s, TCSETS, ${settings({ minimum: 5, time: 1 })})
      write(m, "bc", 2)
      settle(20)
      read(s, room(8), 8)
      read(s, room(8), 8)`,
  },
  {
    name: "terminals: from bytes to lines",
    script: `${open}
      ioctl(s, TCSETS, ${settings({ minimum: 1 })})
      write(m, "ab\\ncd", 5)
      settle(20)
      ioctl(s, TCSETS, ${settings({ local: 2 })})
      fcntl(s, F_SETFL, O_NONBLOCK)
      read(s, room(20), 20)
      write(m, "ef\\n", 3)
      settle(20)
      read(s, room(20), 20)
      write(m, "lost\\n", 5)
      settle(20)
      ioctl(s, TCSETSF, ${settings({ local: 2 })})
      read(s, room(20), 20)`,
  },
  ...Object.entries({
    "no flags": 0,
    "OPOST alone": 0o1,
    "carriage returns as newlines": 0o11,
    "no carriage return at the margin": 0o21,
    "newlines that return": 0o41,
    "spaces for tabs": 0o14001,
    capitals: 0o3,
    "newlines that return, and carriage returns as newlines": 0o51,
  }).map(([name, output]) => ({
    name: `terminals: output with ${name}`,
    script: `${open}
      ioctl(s, TCSETS, ${settings({ output, local: 2 })})
      write(s, "\\rab\\tc\\n\\td\\r\\re\\n", 12)
      settle(20)
      read(m, room(100), 100)`,
  })),
  ...Object.entries({
    "newlines as carriage returns": 0o100,
    "no carriage returns": 0o200,
    "seven bits": 0o40,
    "both exchanged": 0o500,
    "any key that starts again": 0o6000,
  }).map(([name, input]) => ({
    name: `terminals: input with ${name}`,
    script: `${open}
      ioctl(s, TCSETS, ${settings({ input, minimum: 1, local: 0o10 })})
      write(m, bytes("410d0ae113e211"), 7)
      settle(20)
      read(s, room(100), 100)
      read(m, room(100), 100)`,
  })),
  {
    name: "terminals: a session's own",
    script: `${open}
      openat(AT_FDCWD, "/dev/tty", O_RDWR, 0)
      ~setsid()
      openat(AT_FDCWD, "/dev/tty", O_RDWR, 0)
      ioctl(s, TIOCNOTTY, 0)
      ioctl(s, TIOCSCTTY, 0)
      ioctl(s, TIOCSCTTY, 0)
      t = openat(AT_FDCWD, "/dev/tty", O_RDWR, 0)
      write(t, "x", 1)
      settle(20)
      read(m, room(8), 8)
      ioctl(m, TIOCSCTTY, 0)
      ioctl(m, TIOCNOTTY, 0)
      ioctl(s, TIOCSPGRP, ints(-1))
      ioctl(s, TIOCSPGRP, ints(4194000))
      ioctl(s, TIOCSPGRP, BAD)
      ioctl(s, TIOCGPGRP, BAD)
      rt_sigaction(SIGHUP, longs(1, 0, 0, 0), NULL, 8)
      ioctl(t, TIOCNOTTY, 0)
      ioctl(s, TIOCGPGRP, outint())
      openat(AT_FDCWD, "/dev/tty", O_RDWR, 0)
      write(t, "y", 1)
      settle(20)
      read(m, room(8), 8)`,
  },
];
