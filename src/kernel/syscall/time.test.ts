import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, EINTR, EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { SA_RESTART, SIGUSR1 } from "../../abi/signal.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
  TIMER_ABSTIME,
} from "../../abi/time.ts";
import { TestKernel } from "./calls.fixture.ts";

const NANOSLEEP = 101;
const SETTIME = 112;
const GETTIME = 113;
const GETRES = 114;
const CLOCK_NANOSLEEP = 115;

test("clocks", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  kernel.advance(12_345.75);
  const at = program.place(16);
  const read = (clock: number): [number, number] => {
    assert.equal(program.call(GETTIME, clock, at), 0);
    return [program.memory.readInt64(at), program.memory.readInt64(at + 8)];
  };
  assert.deepEqual(read(CLOCK_MONOTONIC), [12, 345_750_000]);
  assert.deepEqual(read(CLOCK_BOOTTIME), [12, 345_750_000]);
  assert.deepEqual(read(CLOCK_MONOTONIC_COARSE), [12, 344_000_000]);
  assert.equal(read(CLOCK_REALTIME)[0], 1_700_000_012);
  assert.equal(program.call(GETTIME, 99, at), -EINVAL);
  assert.equal(program.call(GETTIME, CLOCK_MONOTONIC, 8), -EFAULT);
  assert.equal(program.call(GETRES, CLOCK_MONOTONIC, at), 0);
  assert.deepEqual([program.memory.readInt64(at), program.memory.readInt64(at + 8)], [0, 1]);
  assert.equal(program.call(GETRES, CLOCK_MONOTONIC, 0), 0);
  assert.equal(program.call(GETRES, -1, 0), -EINVAL);
  assert.equal(program.call(SETTIME, CLOCK_REALTIME, program.timespec(1)), -EPERM);
  assert.equal(program.call(169, at, 0), 0);
  assert.equal(program.memory.readInt64(at), 1_700_000_012);
  assert.equal(program.memory.readInt64(at + 8), 345_750);
  assert.equal(program.call(153, 0), 1234);
});

test("nanosleep sleeps as long as it says and not a moment less", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const sleeping = program.wait(NANOSLEEP, program.timespec(1, 1), 0);
  kernel.advance(1000);
  assert.equal(sleeping.result, null);
  kernel.advance(0.001);
  assert.equal(sleeping.result, 0);
  assert.equal(program.call(NANOSLEEP, program.timespec(0), 0), 0);
  assert.equal(program.call(NANOSLEEP, 8, 0), -EFAULT);
  assert.equal(program.call(NANOSLEEP, program.timespec(0, 1e9), 0), -EINVAL);
  assert.equal(program.call(NANOSLEEP, program.timespec(-1, 0), 0), -EINVAL);
});

test("a signal handler ends a sleep, which tells what was left", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  program.process.signals.deliver = () => {};
  program.process.signals.setAction(SIGUSR1, { handler: 0x1000, flags: SA_RESTART, mask: 0n });
  const left = program.place(16);
  const sleeping = program.wait(NANOSLEEP, program.timespec(10), left);
  kernel.advance(3500);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(sleeping.result, -EINTR);
  assert.equal(program.memory.readInt64(left), 6);
  assert.equal(program.memory.readInt64(left + 8), 500_000_000);
});

test("clock_nanosleep to an absolute time", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  kernel.advance(1000);
  const sleeping = program.wait(CLOCK_NANOSLEEP, CLOCK_MONOTONIC, TIMER_ABSTIME, program.timespec(3), 0);
  kernel.advance(1999);
  assert.equal(sleeping.result, null);
  kernel.advance(1);
  assert.equal(sleeping.result, 0);
  assert.equal(program.call(CLOCK_NANOSLEEP, CLOCK_MONOTONIC, TIMER_ABSTIME, program.timespec(3), 0), 0);
  assert.equal(program.call(CLOCK_NANOSLEEP, CLOCK_THREAD_CPUTIME_ID, 0, program.timespec(3), 0), -EOPNOTSUPP);
});

test("the akuma ABI sleeps by value and tells its uptime in microseconds", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn(null, "akuma");
  const sleeping = program.wait(NANOSLEEP, 2, 500_000_000);
  kernel.advance(2500);
  assert.equal(sleeping.result, 0);
  assert.equal(program.call(216), 2_500_000);
  assert.equal(program.call(NANOSLEEP, 0, 1e9), -EINVAL);
});
