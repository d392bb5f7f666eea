import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
} from "../../abi/file.ts";
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from "../../abi/memory.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const FCNTL = 25;
const FTRUNCATE = 46;
const READ = 63;
const WRITE = 64;
const PREAD = 67;
const PWRITE = 68;
const MUNMAP = 215;
const MMAP = 222;
const MPROTECT = 226;
const MEMFD_CREATE = 279;
const MEMBARRIER = 283;
const READ_WRITE = PROT_READ | PROT_WRITE;

function create(program: TestProgram, flags = 0, name = "buffer"): number {
  return program.call(MEMFD_CREATE, program.put(name), flags);
}

test("a memfd is a file without a path, with a name to be seen by", () => {
  const program = new TestKernel().spawn();
  const fd = create(program, MFD_CLOEXEC);
  assert.equal(program.process.descriptors.get(fd)?.describe(), "/memfd:buffer (deleted)");
  assert.equal(program.call(FCNTL, fd, 1), 1);
  assert.equal(program.call(WRITE, fd, program.put("hello"), 5), 5);
  const room = program.place(16);
  assert.equal(program.call(READ, fd, room, 16), 0);
  assert.equal(program.call(PREAD, fd, room, 16, 0), 5);
  assert.equal(program.text(room, 5), "hello");
  assert.equal(create(program, 0x100), -EINVAL);
  assert.equal(create(program, 0, "x".repeat(249)), fd + 1);
  assert.equal(create(program, 0, "x".repeat(250)), -EINVAL);
  assert.equal(program.call(MEMFD_CREATE, 8, 0), -EFAULT);
});

test("seals close what they name, for good", () => {
  const program = new TestKernel().spawn();
  const plain = create(program);
  assert.equal(program.call(FCNTL, plain, F_GET_SEALS), F_SEAL_SEAL);
  assert.equal(program.call(FCNTL, plain, F_ADD_SEALS, F_SEAL_GROW), -EPERM);
  const fd = create(program, MFD_ALLOW_SEALING);
  assert.equal(program.call(FTRUNCATE, fd, 100), 0);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, 1 << 10), -EINVAL);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  assert.equal(program.call(FTRUNCATE, fd, 50), -EPERM);
  assert.equal(program.call(FTRUNCATE, fd, 200), 0);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, F_SEAL_GROW), 0);
  assert.equal(program.call(FTRUNCATE, fd, 201), -EPERM);
  assert.equal(program.call(PWRITE, fd, program.put("x"), 1, 200), -EPERM);
  assert.equal(program.call(PWRITE, fd, program.put("x"), 1, 199), 1);
  const mapped = program.call(MMAP, 0, 4096, READ_WRITE, MAP_SHARED, fd, 0);
  assert.ok(mapped > 0);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
  assert.equal(program.call(MUNMAP, mapped, 4096), 0);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
  assert.equal(program.call(PWRITE, fd, program.put("x"), 1, 0), -EPERM);
  assert.equal(program.call(MMAP, 0, 4096, READ_WRITE, MAP_SHARED, fd, 0), -EPERM);
  const looked = program.call(MMAP, 0, 4096, PROT_READ, MAP_SHARED, fd, 0);
  assert.equal(program.memory.bytes[looked + 199], 120);
  assert.ok(program.call(MPROTECT, looked, 4096, READ_WRITE) < 0);
  assert.ok(program.call(MMAP, 0, 4096, READ_WRITE, MAP_PRIVATE, fd, 0) > 0);
  assert.equal(program.call(FCNTL, fd, F_ADD_SEALS, 0), -EPERM);
});

test("two processes share a memfd through their mappings", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const fd = create(parent);
  assert.equal(parent.call(FTRUNCATE, fd, 4096), 0);
  const child = kernel.spawn(parent);
  const a = parent.call(MMAP, 0, 4096, READ_WRITE, MAP_SHARED, fd, 0);
  const b = child.call(MMAP, 0, 4096, READ_WRITE, MAP_SHARED, fd, 0);
  // A call is when a program of TypeScript meets the others: what it writes after one is seen by the next that makes one.
  assert.equal(parent.call(FCNTL, fd, 1), 0);
  parent.memory.bytes[a] = 65;
  assert.equal(child.call(FCNTL, fd, 1), 0);
  assert.equal(child.memory.bytes[b], 65);
  const room = child.place(1);
  assert.equal(child.call(PREAD, fd, room, 1, 0), 1);
  assert.equal(child.text(room, 1), "A");
});

test("membarrier tells what it can do, and wants to be asked first", () => {
  const program = new TestKernel().spawn();
  const commands = program.call(MEMBARRIER, 0, 0, 0);
  assert.equal(commands & 24, 24);
  assert.equal(program.call(MEMBARRIER, 8, 0, 0), -EPERM);
  assert.equal(program.call(MEMBARRIER, 16, 0, 0), 0);
  assert.equal(program.call(MEMBARRIER, 8, 0, 0), 0);
  assert.equal(program.call(MEMBARRIER, 0, 1, 0), -EINVAL);
  assert.equal(program.call(MEMBARRIER, 1 << 20, 0, 0), -EINVAL);
});
