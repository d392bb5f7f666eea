import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EFAULT, EINVAL, EIO, ENOTTY } from "../../abi/errno.ts";
import { FIONREAD, TCGETS, TCSETS, TCSETSF, TIOCGWINSZ } from "../../abi/file.ts";
import { POLLERR, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGINT, SIGQUIT, SIGTSTP, SIGWINCH } from "../../abi/signal.ts";
import {
  BOTHER,
  ECHO,
  ICANON,
  ICRNL,
  ONLCR,
  OPOST,
  TCFLSH,
  TCGETS2,
  TCIOFLUSH,
  TCOOFF,
  TCOON,
  TCSETS2,
  TCXONC,
  TIOCGETD,
  TIOCSETD,
  TIOCSWINSZ,
  VMIN,
} from "../../abi/terminal.ts";
import { type HostTerminal, HostTerminalDevice } from "./host-terminal.ts";
import type { Terminal, TerminalView, WindowSize } from "./terminal.ts";

class FakeHost implements HostTerminal {
  windowSize: WindowSize = { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 };
  isClosed = false;
  hasRoom = true;
  isRaw = false;
  isFlowing = false;
  written = "";
  onDrain: (() => void) | null = null;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onResize: (() => void) | null = null;

  write(bytes: Uint8Array): boolean {
    this.written += new TextDecoder().decode(bytes);
    return this.hasRoom;
  }

  setInputFlow(on: boolean): void {
    this.isFlowing = on;
  }

  setRawMode(on: boolean): void {
    this.isRaw = on;
  }

  type(text: string): void {
    this.onInput?.(new TextEncoder().encode(text));
  }

  /** What was written since it was last asked. */
  take(): string {
    const { written } = this;
    this.written = "";
    return written;
  }
}

const memory = new Uint8Array(8192);
const view = new DataView(memory.buffer);
const at = 4096;

interface Opened {
  host: FakeHost;
  terminal: Terminal;
  file: TerminalView & { hungUp: boolean };
  signals: number[];
}

function open(): Opened {
  const host = new FakeHost();
  const { terminal } = new HostTerminalDevice(host, 0);
  const file = {
    hungUp: false,
    notify: () => {},
    hangUp: () => {
      file.hungUp = true;
    },
  };
  const signals: number[] = [];
  terminal.onSignal = (signal) => signals.push(signal);
  terminal.opened(file);
  terminal.session = 7;
  terminal.setForegroundGroup(7);
  return { host, terminal, file, signals };
}

function read(terminal: Terminal, length = 5000): string | number {
  const buffer = new Uint8Array(length);
  const result = terminal.read(buffer, 0, length);
  return result < 0 ? result : new TextDecoder().decode(buffer.subarray(0, result));
}

function write(terminal: Terminal, text: string): number {
  const bytes = new TextEncoder().encode(text);
  return terminal.write(bytes, 0, bytes.length);
}

/** Sets flags and control characters as a program would. */
function change(terminal: Terminal, how: (flags: { input: number; output: number; local: number }) => void): void {
  assert.equal(terminal.control(TCGETS, at, memory), 0);
  const flags = {
    input: view.getUint32(at, true),
    output: view.getUint32(at + 4, true),
    local: view.getUint32(at + 12, true),
  };
  how(flags);
  view.setUint32(at, flags.input, true);
  view.setUint32(at + 4, flags.output, true);
  view.setUint32(at + 12, flags.local, true);
  assert.equal(terminal.control(TCSETS, at, memory), 0);
}

test("the host's terminal is left alone until somebody reads, and as it was at the end", () => {
  const { host, terminal, file } = open();
  assert.equal(write(terminal, "hello\n"), 6);
  assert.equal(host.take(), "hello\n");
  assert.deepEqual([host.isRaw, host.isFlowing], [false, false]);
  assert.equal(read(terminal), -EAGAIN);
  assert.deepEqual([host.isRaw, host.isFlowing], [true, true]);
  terminal.closed(file);
  assert.deepEqual([host.isRaw, host.isFlowing], [false, false]);
});

test("raw as well when a program changes the settings or has jobs", () => {
  const settings = open();
  change(settings.terminal, () => {});
  assert.equal(settings.host.isRaw, false);
  change(settings.terminal, (flags) => {
    flags.local &= ~ECHO;
  });
  assert.equal(settings.host.isRaw, true);
  const jobs = open();
  jobs.terminal.setForegroundGroup(8);
  assert.equal(jobs.host.isRaw, true);
});

test("lines: echo, end of line, end of file, one line for one read", () => {
  const { host, terminal } = open();
  read(terminal);
  host.type("one\rtwo\nthr");
  assert.equal(host.take(), "one\ntwo\nthr");
  assert.equal(terminal.readiness(true, false) & POLLIN, POLLIN);
  assert.equal(read(terminal), "one\n");
  assert.equal(read(terminal, 2), "tw");
  assert.equal(read(terminal), "o\n");
  assert.equal(read(terminal), -EAGAIN);
  host.type("ee\u0004");
  assert.equal(host.take(), "ee");
  assert.equal(read(terminal), "three");
  host.type("\u0004");
  assert.equal(terminal.control(FIONREAD, at, memory), 0);
  assert.equal(view.getInt32(at, true), 0);
  assert.equal(terminal.readiness(true, false) & POLLIN, POLLIN);
  assert.equal(read(terminal), "");
  assert.equal(read(terminal), -EAGAIN);
});

test("editing: characters of any length, words, the whole line, tabs, control characters", () => {
  const { host, terminal } = open();
  read(terminal);
  host.type("aé\u007f\u007fb\r");
  assert.equal(host.take(), "aé\b \b\b \bb\n");
  assert.equal(read(terminal), "b\n");
  host.type("one two_3  \u0017x\r");
  assert.equal(read(terminal), "one x\n");
  host.take();
  host.type("wrong\u0015right\r");
  assert.equal(host.take(), `wrong${"\b \b".repeat(5)}right\n`);
  assert.equal(read(terminal), "right\n");
  host.type("ab\t\u007fc\r");
  assert.equal(host.take(), `ab\t${"\b".repeat(6)}c\n`);
  assert.equal(read(terminal), "abc\n");
  host.type("\u0016\u0003\u007fok\r");
  assert.equal(host.take(), "^\b^C\b \b\b \bok\n");
  assert.equal(read(terminal), "ok\n");
  host.type("\u007f\u0017\u0015");
  assert.equal(host.take(), "");
  host.type("ab\u0012c\r");
  assert.equal(host.take(), "ab^R\nabc\n");
  assert.equal(read(terminal), "abc\n");
});

test("keys that are signals discard what was typed, and stop or start the output", () => {
  const { host, terminal, signals } = open();
  read(terminal);
  host.type("abc\u0003");
  assert.equal(host.take(), "abc^C");
  host.type("\u001c\u001a");
  assert.deepEqual(signals, [SIGINT, SIGQUIT, SIGTSTP]);
  assert.equal(read(terminal), -EAGAIN);
  host.take();
  host.type("\u0013");
  assert.equal(write(terminal, "x"), -EAGAIN);
  assert.equal(terminal.readiness(true, true) & POLLOUT, 0);
  host.type("\u0011");
  assert.equal(write(terminal, "x"), 1);
  assert.equal(host.take(), "x");
  assert.equal(terminal.control(TCXONC, TCOOFF, memory), 0);
  assert.equal(write(terminal, "x"), -EAGAIN);
  assert.equal(terminal.control(TCXONC, TCOON, memory), 0);
  assert.equal(terminal.control(TCXONC, 9, memory), -EINVAL);
  host.onResize?.();
  assert.deepEqual(signals, [SIGINT, SIGQUIT, SIGTSTP, SIGWINCH]);
});

test("without canonical mode bytes come as they are; what was typed before becomes readable", () => {
  const { host, terminal, signals } = open();
  read(terminal);
  host.type("ab");
  assert.equal(read(terminal), -EAGAIN);
  change(terminal, (flags) => {
    flags.local = 0;
    flags.input &= ~ICRNL;
  });
  assert.equal(read(terminal), "ab");
  host.take();
  host.type("c\r\u0003\u007f");
  assert.equal(host.take(), "");
  assert.equal(read(terminal), "c\r\u0003\u007f");
  assert.deepEqual(signals, []);
  view.setUint8(at + 17 + VMIN, 3);
  assert.equal(terminal.control(TCSETSF, at, memory), 0);
  host.type("xy");
  assert.equal(terminal.readiness(true, false) & POLLIN, 0);
  host.type("z");
  assert.equal(terminal.readiness(true, false) & POLLIN, POLLIN);
  // Back in canonical mode what is there is a line.
  change(terminal, (flags) => {
    flags.local = ICANON;
  });
  assert.equal(read(terminal), "xyz");
  host.type("lost\r");
  assert.equal(terminal.control(TCFLSH, TCIOFLUSH, memory), 0);
  assert.equal(read(terminal), -EAGAIN);
});

test("newlines that must not return the carriage reach a host that always returns it as line feeds of another kind", () => {
  const { host, terminal } = open();
  change(terminal, (flags) => {
    flags.output = OPOST;
  });
  write(terminal, "a\nb\r\n");
  assert.equal(host.take(), "a\u000bb\r\u000b");
  change(terminal, (flags) => {
    flags.output = 0;
  });
  write(terminal, "a\n\t");
  assert.equal(host.take(), "a\u000b\t");
  change(terminal, (flags) => {
    flags.output = OPOST | ONLCR | 0o14000;
  });
  write(terminal, "a\tb\n");
  assert.equal(host.take(), "a       b\n");
});

test("input that nobody reads is bounded, and a line without end can be ended", () => {
  const { host, terminal } = open();
  read(terminal);
  for (let k = 0; k < 8 && host.isFlowing; k++) host.type(`${"x".repeat(1023)}\r`);
  assert.equal(host.isFlowing, false);
  let lines = 0;
  for (let line = read(terminal); typeof line === "string"; line = read(terminal)) {
    assert.equal(line.length, 1024);
    lines++;
  }
  assert.equal(lines, 5);
  assert.equal(host.isFlowing, true);
  host.type("y".repeat(10_000));
  assert.equal(host.isFlowing, true);
  host.type("\r");
  assert.equal((read(terminal) as string).length, 4096);
});

test("output has back-pressure, and an end", () => {
  const { host, terminal, file } = open();
  host.hasRoom = false;
  assert.equal(write(terminal, "hello"), 5);
  assert.equal(terminal.readiness(true, true) & POLLOUT, 0);
  assert.equal(write(terminal, "more"), -EAGAIN);
  host.onDrain?.();
  assert.equal(write(terminal, "more"), 4);
  assert.equal(host.take(), "hellomore");
  host.isClosed = true;
  assert.equal(write(terminal, "x"), -EIO);
  assert.equal(terminal.readiness(true, true) & POLLERR, POLLERR);
  host.onInput?.(null);
  assert.equal(file.hungUp, true);
});

test("ioctls", () => {
  const { terminal, host, signals } = open();
  assert.equal(terminal.control(TIOCGWINSZ, at, memory), 0);
  assert.deepEqual([view.getUint16(at, true), view.getUint16(at + 2, true)], [24, 80]);
  view.setUint16(at, 50, true);
  assert.equal(terminal.control(TIOCSWINSZ, at, memory), 0);
  assert.equal(terminal.control(TIOCSWINSZ, at, memory), 0);
  assert.deepEqual(signals, [SIGWINCH]);
  assert.deepEqual([terminal.windowSize.rows, terminal.windowSize.columns], [50, 80]);
  host.windowSize = { ...host.windowSize, columns: 100 };
  host.onResize?.();
  assert.deepEqual([terminal.windowSize.rows, terminal.windowSize.columns], [24, 100]);
  read(terminal);
  host.type("abc\n");
  assert.equal(terminal.control(FIONREAD, at, memory), 0);
  assert.equal(view.getInt32(at, true), 4);
  memory.fill(0xee, at, at + 60);
  assert.equal(terminal.control(TCGETS, at, memory), 0);
  assert.deepEqual([memory[at + 35], memory[at + 36]], [0, 0xee]);
  assert.equal(terminal.control(TCGETS2, at, memory), 0);
  assert.deepEqual(
    [view.getUint32(at + 36, true), view.getUint32(at + 40, true), memory[at + 44]],
    [38_400, 38_400, 0xee],
  );
  view.setUint32(at + 8, BOTHER | 0o60, true);
  view.setUint32(at + 36, 12_345, true);
  view.setUint32(at + 40, 54_321, true);
  assert.equal(terminal.control(TCSETS2, at, memory), 0);
  memory.fill(0, at, at + 60);
  assert.equal(terminal.control(TCGETS2, at, memory), 0);
  assert.deepEqual([view.getUint32(at + 36, true), view.getUint32(at + 40, true)], [12_345, 54_321]);
  assert.equal(terminal.control(TIOCGETD, at, memory), 0);
  assert.equal(terminal.control(TIOCSETD, at, memory), 0);
  for (const bad of [0, 4095, 8190, -1, Number.MAX_SAFE_INTEGER])
    assert.equal(terminal.control(TCGETS, bad, memory), -EFAULT);
  // KDGKBTYPE: a console would answer.
  for (const unknown of [0x1234, 0x4b33]) assert.equal(terminal.control(unknown, at, memory), -ENOTTY);
});
