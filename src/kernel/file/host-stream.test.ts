import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, ENOTTY, EPIPE } from "../../abi/errno.ts";
import { O_RDONLY, O_WRONLY, TCGETS } from "../../abi/file.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { BytesFile, CallbackFile } from "./host-file.ts";
import { type HostStream, SharedHostStream } from "./host-stream.ts";
import { OpenFileCount } from "./open-file.ts";

class FakeHost implements HostStream {
  isClosed = false;
  hasRoom = true;
  isFlowing = false;
  written = "";
  onDrain: (() => void) | null = null;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;

  write(bytes: Uint8Array): boolean {
    this.written += new TextDecoder().decode(bytes);
    return this.hasRoom;
  }

  setInputFlow(on: boolean): void {
    this.isFlowing = on;
  }

  send(text: string): void {
    this.onInput?.(new TextEncoder().encode(text));
  }
}

const files = new OpenFileCount();

function read(file: { read(b: Uint8Array, o: number, l: number): number }, length = 100): string | number {
  const buffer = new Uint8Array(length);
  const result = file.read(buffer, 0, length);
  return result < 0 ? result : new TextDecoder().decode(buffer.subarray(0, result));
}

function write(file: { write(b: Uint8Array, o: number, l: number): number }, text: string): number {
  const bytes = new TextEncoder().encode(text);
  return file.write(bytes, 0, bytes.length);
}

test("input flows only when someone reads, and ends; output raises EPIPE when nobody reads it", () => {
  const host = new FakeHost();
  const stream = new SharedHostStream(host);
  const input = stream.open(files, O_RDONLY).retain();
  const output = stream.open(files, O_WRONLY).retain();
  assert.equal(input.control(TCGETS, 4096, new Uint8Array(8192)), -ENOTTY);
  assert.equal(output.readiness(), POLLOUT | 0x100);
  assert.equal(host.isFlowing, false);
  assert.equal(input.readiness(), 0);
  assert.equal(host.isFlowing, true);
  host.send("a\nb\n");
  assert.equal(read(input), "a\nb\n");
  assert.equal(read(input), -EAGAIN);
  host.onInput?.(null);
  assert.equal(read(input), "");
  assert.equal(input.readiness() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
  host.hasRoom = false;
  assert.equal(write(output, "x"), 1);
  assert.equal(write(output, "x"), -EAGAIN);
  host.onDrain?.();
  host.isClosed = true;
  assert.equal(write(output, "x"), -EPIPE);
  assert.equal(output.raisesSigpipe, true);
  input.drop();
  output.drop();
  assert.equal(host.isFlowing, false);
});

test("input that nobody reads is bounded", () => {
  const host = new FakeHost();
  const input = new SharedHostStream(host).open(files, O_RDONLY).retain();
  read(input);
  for (let k = 0; k < 8 && host.isFlowing; k++) host.send("x".repeat(16_384));
  assert.equal(host.isFlowing, false);
  let got = 0;
  for (let part = read(input, 5000); typeof part === "string"; part = read(input, 5000)) got += part.length;
  assert.equal(got, 65_536);
  assert.equal(host.isFlowing, true);
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
