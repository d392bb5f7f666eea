/** splice(2) between a socket and a pipe, and what it does when an end is full. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN } from "../../abi/errno.ts";
import { SIGPIPE } from "../../abi/signal.ts";
import { signalStatus } from "../../abi/time.ts";
import { NetKernel } from "./socket.fixture.ts";

const [SPLICE, TEE, READ, WRITE, CLOSE] = [76, 77, 63, 64, 57];
const NONBLOCK = 2;

test("a TCP connection is echoed through a pipe", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const [client, server] = program.pair(program.listener(80), 80);
  const [reader, writer] = program.pipe();
  const text = program.put("through the pipe");
  assert.equal(program.call(WRITE, client, text, 16), 16);
  kernel.run();
  assert.equal(program.call(SPLICE, server, 0, writer, 0, 100, 0), 16);
  assert.equal(program.call(SPLICE, reader, 0, server, 0, 7, 0), 7);
  kernel.run();
  const buffer = program.place(32);
  assert.equal(program.call(READ, client, buffer, 32), 7);
  assert.equal(program.text(buffer, 7), "through");
  assert.equal(program.call(SPLICE, server, 0, writer, 0, 100, NONBLOCK), -EAGAIN);
  const waiting = program.wait(SPLICE, server, 0, writer, 0, 100, 0);
  program.call(WRITE, client, text, 4);
  kernel.run();
  assert.equal(waiting.result, 4);
});

test("a full pipe makes it wait, a broken one ends it", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const [from, filler] = program.pipe();
  const [reader, writer] = program.pipe();
  const bytes = program.place(65_536);
  assert.equal(program.call(WRITE, writer, bytes, 65_536), 65_536);
  assert.equal(program.call(WRITE, filler, bytes, 10), 10);
  assert.equal(program.call(TEE, from, writer, 10, NONBLOCK), -EAGAIN);
  const waiting = program.wait(SPLICE, from, 0, writer, 0, 10, 0);
  assert.equal(program.call(READ, reader, bytes, 4096), 4096);
  kernel.run();
  assert.equal(waiting.result, 10);
  assert.equal(program.call(CLOSE, reader), 0);
  program.call(WRITE, filler, bytes, 10);
  program.start(SPLICE, from, 0, writer, 0, 10, 0);
  assert.equal(program.process.status, signalStatus(SIGPIPE));
});
