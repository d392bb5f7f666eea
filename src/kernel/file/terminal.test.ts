import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EFAULT, EIO, ENOTTY, EPIPE } from "../../abi/errno.ts";
import {
  FIONREAD,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  TCGETS,
  TCSETS,
  TCSETSF,
  TIOCGPGRP,
  TIOCGWINSZ,
  TIOCSPGRP,
} from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGINT, SIGWINCH } from "../../abi/signal.ts";
import { ECHO, ICANON, VMIN } from "../../abi/terminal.ts";
import { BytesFile, CallbackFile } from "./host-file.ts";
import { OpenFileCount } from "./open-file.ts";
import { type HostTerminal, Terminal } from "./terminal.ts";

class FakeHost implements HostTerminal {
  isTerminal = true;
  columns = 80;
  rows = 24;
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
}

const files = new OpenFileCount();
const memory = new Uint8Array(8192);
const view = new DataView(memory.buffer);

function open(flags = O_RDWR): { host: FakeHost; terminal: Terminal; file: ReturnType<Terminal["open"]> } {
  const host = new FakeHost();
  const terminal = new Terminal(host);
  return { host, terminal, file: terminal.open(files, flags).retain() };
}

function read(file: { read(b: Uint8Array, o: number, l: number): number }, length = 100): string | number {
  const buffer = new Uint8Array(length);
  const result = file.read(buffer, 0, length);
  return result < 0 ? result : new TextDecoder().decode(buffer.subarray(0, result));
}

function write(file: { write(b: Uint8Array, o: number, l: number): number }, text: string): number {
  const bytes = new TextEncoder().encode(text);
  return file.write(bytes, 0, bytes.length);
}

test("input flows only when someone reads, comes line by line, and ends", () => {
  const { host, file } = open();
  assert.equal(host.isFlowing, false);
  assert.equal(read(file), -EAGAIN);
  assert.equal(host.isFlowing, true);
  host.type("one\ntwo\nthr");
  host.type("ee\n");
  assert.equal(file.readiness() & POLLIN, POLLIN);
  assert.equal(read(file), "one\n");
  assert.equal(read(file, 2), "tw");
  assert.equal(read(file), "o\n");
  assert.equal(read(file), "three\n");
  assert.equal(read(file), -EAGAIN);
  host.onInput?.(null);
  assert.equal(read(file), "");
  assert.equal(file.readiness() & POLLHUP, 0);
});

test("input that nobody reads is bounded", () => {
  const { host, file } = open();
  read(file);
  for (let k = 0; k < 8 && host.isFlowing; k++) host.type("x".repeat(16_384));
  assert.equal(host.isFlowing, false);
  let got = 0;
  for (let part = read(file, 5000); typeof part === "string"; part = read(file, 5000)) got += part.length;
  assert.equal(got, 65_536);
  assert.equal(host.isFlowing, true);
});

test("output has back-pressure, and an end", () => {
  const { host, file } = open();
  host.hasRoom = false;
  assert.equal(write(file, "hello"), 5);
  assert.equal(file.readiness() & POLLOUT, 0);
  assert.equal(write(file, "more"), -EAGAIN);
  host.onDrain?.();
  assert.equal(write(file, "more"), 4);
  assert.equal(host.written, "hellomore");
  host.isClosed = true;
  assert.equal(write(file, "x"), -EIO);
  assert.equal(file.readiness() & POLLERR, POLLERR);
});

test("raw mode: the host's is set, signals and carriage returns and the echo are made here", () => {
  const { host, terminal, file } = open();
  const signals: number[] = [];
  terminal.onSignal = (signal) => signals.push(signal);
  assert.equal(file.control(TCGETS, 4096, memory), 0);
  const flags = view.getUint32(4096 + 12, true);
  assert.ok((flags & ICANON) !== 0 && (flags & ECHO) !== 0);
  view.setUint32(4096 + 12, flags & ~ICANON, true);
  assert.equal(file.control(TCSETS, 4096, memory), 0);
  assert.equal(host.isRaw, true);
  host.type("a\rb\u0003c");
  assert.equal(read(file), "a\nbc");
  assert.equal(host.written, "a\nbc");
  assert.deepEqual(signals, [SIGINT]);
  view.setUint32(4096 + 12, 0, true);
  view.setUint8(4096 + 17 + VMIN, 0);
  host.type("lost");
  assert.equal(file.control(TCSETSF, 4096, memory), 0);
  assert.equal(read(file), "");
  host.type("\u0003");
  assert.equal(read(file), "\u0003");
  assert.equal(host.written, "a\nbclost");
  host.onResize?.();
  assert.deepEqual(signals, [SIGINT, SIGWINCH]);
  // With the last file the terminal is as it was.
  file.drop();
  assert.deepEqual([host.isRaw, host.isFlowing], [false, false]);
});

test("ioctls", () => {
  const { file, terminal, host } = open();
  assert.equal(file.control(TIOCGWINSZ, 4096, memory), 0);
  assert.deepEqual([view.getUint16(4096, true), view.getUint16(4098, true)], [24, 80]);
  view.setInt32(4096, 77, true);
  assert.equal(file.control(TIOCSPGRP, 4096, memory), 0);
  assert.equal(terminal.foregroundGroup, 77);
  assert.equal(file.control(TIOCGPGRP, 4100, memory), 0);
  assert.equal(view.getInt32(4100, true), 77);
  host.type("abc\n");
  assert.equal(file.control(FIONREAD, 4096, memory), 0);
  assert.equal(view.getInt32(4096, true), 4);
  for (const bad of [0, 4095, 8190, -1, Number.MAX_SAFE_INTEGER])
    assert.equal(file.control(TCGETS, bad, memory), -EFAULT);
  assert.equal(file.control(0x1234, 4096, memory), -ENOTTY);
});

test("a stream that is no terminal", () => {
  const host = new FakeHost();
  host.isTerminal = false;
  const terminal = new Terminal(host);
  const input = terminal.open(files, O_RDONLY).retain();
  const output = terminal.open(files, O_WRONLY).retain();
  assert.equal(input.control(TCGETS, 4096, memory), -ENOTTY);
  assert.equal(output.readiness(), POLLOUT | 0x100);
  assert.equal(host.isFlowing, false);
  assert.equal(input.readiness(), 0);
  assert.equal(host.isFlowing, true);
  host.type("a\nb\n");
  assert.equal(read(input), "a\nb\n");
  host.onInput?.(null);
  assert.equal(input.readiness() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
  host.isClosed = true;
  assert.equal(write(output, "x"), -EPIPE);
  assert.equal(output.raisesSigpipe, true);
});

test("bytes as input, a function as output", () => {
  const input = new BytesFile(files, new TextEncoder().encode("given"));
  assert.equal(read(input, 3), "giv");
  assert.equal(read(input, 3), "en");
  assert.equal(read(input, 3), "");
  let taken = "";
  const output = new CallbackFile(files, (bytes) => {
    taken += new TextDecoder().decode(bytes);
  });
  assert.equal(write(output, "captured"), 8);
  assert.equal(taken, "captured");
  assert.equal(read(output), -EBADF);
});
