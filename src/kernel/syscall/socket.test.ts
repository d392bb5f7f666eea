import assert from "node:assert/strict";
import { test } from "node:test";
import { NetKernel, result } from "./socket.fixture.ts";

test("a connection over loopback carries bytes both ways and ends with both FINs", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  assert.equal(program.send(client, "hello"), 5);
  kernel.run();
  assert.equal(program.receive(server), "hello");
  assert.equal(program.send(server, "world"), 5);
  kernel.run();
  assert.equal(program.receive(client), "world");
  assert.equal(program.close(client), 0);
  kernel.run();
  assert.equal(program.receive(server), "");
  assert.equal(result(program.close(server)), 0);
  kernel.run();
});
