import assert from "node:assert/strict";
import { test } from "node:test";
import { EADDRINUSE, EADDRNOTAVAIL } from "../../abi/errno.ts";
import { SeededRandom } from "../../base/random.ts";
import { EPHEMERAL_FIRST_PORT, EPHEMERAL_LAST_PORT, PortReservation, PortTable } from "./ports.ts";

const PLAIN = { reuseAddress: false, reusePort: false };
const REUSE = { reuseAddress: true, reusePort: false };
const SHARED = { reuseAddress: false, reusePort: true };
const A = 0x0a00_0001;
const B = 0x0a00_0002;

function make(): PortTable {
  return new PortTable(new SeededRandom(1));
}

function held(result: PortReservation | number): PortReservation {
  assert.ok(result instanceof PortReservation, `${result}`);
  return result;
}

test("a port is taken once per address, and for all by the wildcard", () => {
  const ports = make();
  const a = held(ports.reserve(A, 80, PLAIN));
  assert.equal(ports.reserve(A, 80, PLAIN), -EADDRINUSE);
  assert.equal(ports.reserve(0, 80, PLAIN), -EADDRINUSE);
  held(ports.reserve(B, 80, PLAIN)).release();
  held(ports.reserve(A, 81, PLAIN)).release();
  a.release();
  a.release();
  const all = held(ports.reserve(0, 80, PLAIN));
  assert.equal(ports.reserve(B, 80, PLAIN), -EADDRINUSE);
  all.release();
  assert.equal(ports.size, 0);
});

test("SO_REUSEADDR: both must ask, and none may listen", () => {
  const ports = make();
  const first = held(ports.reserve(0, 80, REUSE));
  assert.equal(ports.reserve(0, 80, PLAIN), -EADDRINUSE);
  const second = held(ports.reserve(A, 80, REUSE));
  assert.equal(first.markListening(), 0);
  assert.equal(second.markListening(), -EADDRINUSE);
  assert.equal(ports.reserve(A, 80, REUSE), -EADDRINUSE);
  first.stopListening();
  assert.equal(second.markListening(), 0);
});

test("SO_REUSEPORT: all who ask share, and may all listen", () => {
  const ports = make();
  const first = held(ports.reserve(0, 80, SHARED));
  const second = held(ports.reserve(0, 80, SHARED));
  assert.equal(first.markListening(), 0);
  assert.equal(second.markListening(), 0);
  assert.equal(ports.reserve(0, 80, REUSE), -EADDRINUSE);
});

test("accepted connections hold the port after the listener is gone, with its flags", () => {
  for (const flags of [PLAIN, REUSE]) {
    const ports = make();
    const listening = held(ports.reserve(0, 80, flags));
    assert.equal(listening.markListening(), 0);
    const one = ports.holdAccepted(listening, A);
    const two = ports.holdAccepted(listening, A);
    assert.equal(one, two, "one entry, counted");
    listening.stopListening();
    listening.release();
    assert.equal(ports.reserve(0, 80, PLAIN), -EADDRINUSE);
    assert.equal(ports.reserve(0, 80, REUSE) instanceof PortReservation, flags === REUSE);
    one.release();
    two.release();
  }
});

test("ephemeral ports are in range, differ, are not the next one, and run out", () => {
  const ports = make();
  const count = EPHEMERAL_LAST_PORT - EPHEMERAL_FIRST_PORT + 1;
  const seen = new Set<number>();
  let neighbours = 0;
  let last = 0;
  for (let k = 0; k < count; k++) {
    const { port } = held(ports.reserve(0, 0, PLAIN));
    assert.ok(port >= EPHEMERAL_FIRST_PORT && port <= EPHEMERAL_LAST_PORT);
    seen.add(port);
    if (k < 1000 && Math.abs(port - last) === 1) neighbours++;
    last = port;
    if (k === 2000) break;
  }
  assert.equal(seen.size, 2001);
  assert.ok(neighbours < 20, "ports are not handed out in order");
});

test("a port for connect(): shared with connections to elsewhere, not with bound sockets", () => {
  const ports = make();
  const first = held(ports.reserveForConnection(A, () => true));
  const only = (port: number) => (candidate: number) => candidate === port;
  const second = held(ports.reserveForConnection(A, only(first.port)));
  assert.equal(first, second);
  assert.equal(ports.reserve(A, first.port, REUSE), -EADDRINUSE);
  const bound = held(ports.reserve(A, 40_000, REUSE));
  assert.equal(ports.reserveForConnection(A, only(bound.port)), -EADDRNOTAVAIL);
  first.release();
  assert.equal(ports.reserve(A, first.port, PLAIN), -EADDRINUSE, "still one holder");
  second.release();
  held(ports.reserve(A, first.port, PLAIN));
});

test("connecting narrows a wildcard bind to the address used", () => {
  const ports = make();
  const bound = held(ports.reserve(0, 5000, PLAIN));
  bound.narrow(A);
  bound.narrow(B);
  assert.equal(bound.address, A);
  held(ports.reserve(B, 5000, PLAIN));
});
