import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, EINVAL, EMFILE, EPERM, ESRCH } from "../../abi/errno.ts";
import { RLIMIT_AS } from "../../abi/resource.ts";
import { RLIMIT_NOFILE } from "../../abi/time.ts";
import { TestKernel } from "./calls.fixture.ts";

test("uname", () => {
  const program = new TestKernel().spawn();
  const at = program.place(390);
  assert.equal(program.call(160, at), 0);
  const field = (index: number): string => program.text(at + 65 * index, 65).split("\0", 1)[0] as string;
  assert.deepEqual([field(0), field(1), field(4)], ["Linux", "test", "aarch64"]);
  assert.match(field(2), /^\d+\.\d+\.\d+/);
  assert.equal(program.call(160, 0x4_0000 - 100), -EFAULT);
  assert.equal(program.call(161, at, 4), -EPERM);
});

test("getrandom", () => {
  const program = new TestKernel().spawn();
  const at = program.place(64);
  assert.equal(program.call(278, at, 33, 0), 33);
  assert.ok(program.memory.bytes.slice(at, at + 33).some((byte) => byte !== 0));
  assert.ok(program.memory.bytes.slice(at + 33, at + 64).every((byte) => byte === 0));
  assert.equal(program.call(278, at, 8, 8), -EINVAL);
  assert.equal(program.call(278, at, 8, 6), -EINVAL);
  assert.equal(program.call(278, 8, 8, 0), -EFAULT);
  assert.equal(program.call(278, at, 0x7fff_ffff, 0), -EFAULT);
});

test("RLIMIT_NOFILE is real, and goes on to children", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const other = kernel.spawn();
  const at = program.place(16);
  const limits = (): [number, number] => [program.memory.readInt64(at), program.memory.readInt64(at + 8)];
  assert.equal(program.call(163, RLIMIT_NOFILE, at), 0);
  assert.deepEqual(limits(), [1024, 4096]);
  program.memory.writeInt64(at, 5);
  program.memory.writeInt64(at + 8, 10);
  assert.equal(program.call(261, 0, RLIMIT_NOFILE, at, 0), 0);
  program.pipe();
  program.pipe();
  assert.equal(program.call(19, 0, 0), 4);
  assert.equal(program.call(19, 0, 0), -EMFILE);
  const child = kernel.spawn(program);
  assert.equal(child.call(19, 0, 0), -EMFILE);
  assert.equal(other.call(261, program.pid, RLIMIT_NOFILE, 0, other.place(16)), 0);
  program.memory.writeInt64(at, 11);
  assert.equal(program.call(164, RLIMIT_NOFILE, at), -EINVAL);
  program.memory.writeInt64(at + 8, 2_000_000);
  assert.equal(program.call(164, RLIMIT_NOFILE, at), -EPERM);
  assert.equal(program.call(163, 3, at), 0);
  assert.deepEqual(limits()[0], 8 << 20);
  assert.equal(program.call(163, RLIMIT_AS, at), 0);
  assert.deepEqual(limits(), [2 ** 32, 2 ** 32], "as much as an address space has");
  assert.equal(program.call(163, 0, at), 0);
  assert.deepEqual([...program.memory.bytes.slice(at, at + 16)], new Array(16).fill(255));
  assert.equal(program.call(261, 0, 99, 0, at), -EINVAL);
  assert.equal(program.call(261, 999, 0, 0, at), -ESRCH);
  assert.equal(program.call(261, 0, 0, 8, 0), -EFAULT);
  assert.equal(program.call(261, 0, 0, 0, 8), -EFAULT);
  assert.equal(program.call(163, 0, 0), -EFAULT);
});

test("prctl: the name", () => {
  const program = new TestKernel().spawn();
  const at = program.place(16);
  assert.equal(program.call(167, 16, at), 0);
  assert.equal(program.text(at, 5), "test\0");
  assert.equal(program.call(167, 15, program.put("a name that is too long")), 0);
  assert.equal(program.call(167, 16, at), 0);
  assert.equal(program.text(at, 16), "a name that is \0");
  // Bytes that are no text must not make the name longer than its field.
  const guard = program.place(64);
  program.memory.bytes.fill(0xff, at, at + 15);
  assert.equal(program.call(167, 15, at), 0);
  assert.equal(program.call(167, 16, guard), 0);
  assert.ok(program.memory.bytes.slice(guard + 15, guard + 64).every((byte) => byte === 0));
  assert.equal(program.call(167, 15, 8), -EFAULT);
  assert.equal(program.call(167, 16, 8), -EFAULT);
  assert.equal(program.call(167, 9999), -EINVAL);
});

test("the small ones", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const at = program.place(144);
  kernel.advance(90_000);
  assert.equal(program.call(179, at), 0);
  assert.equal(program.memory.readInt64(at), 90);
  assert.equal(program.call(179, 8), -EFAULT);
  assert.equal(program.call(165, 0, at), 0);
  assert.equal(program.call(165, 2, at), -EINVAL);
  assert.equal(program.call(123, 0, 128, at), 8);
  assert.equal(program.memory.readInt64(at), 1);
  assert.equal(program.call(123, 0, 7, at), -EINVAL);
  assert.equal(program.call(122, 0, 8, at), 0);
  assert.equal(program.call(168, at, at + 4, 0), 0);
  assert.equal(program.call(168, 8, 0, 0), -EFAULT);
  const yielding = program.wait(124);
  kernel.run();
  assert.equal(yielding.result, 0);
  assert.equal(program.call(96, at), program.pid);
  assert.equal(program.call(141, 0, 0), 20);
});

test("a call that does not exist is ENOSYS, and is logged once", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  assert.equal(program.call(999), -38);
  assert.equal(program.call(999), -38);
  assert.equal(program.call(-1), -38);
  assert.equal(kernel.logged.length, 2);
});
