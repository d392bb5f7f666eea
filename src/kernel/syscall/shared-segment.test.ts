import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EEXIST, EFAULT, EIDRM, EINVAL, ENOENT, EPERM } from "../../abi/errno.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SHM_DEST,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHMID_DS_BYTES,
  shmidOffset,
} from "../../abi/shared-segment.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const SHMGET = 194;
const SHMCTL = 195;
const SHMAT = 196;
const SHMDT = 197;
const MUNMAP = 215;
const KEY = 0x1234;

function attachments(program: TestProgram, id: number): number {
  const at = program.place(SHMID_DS_BYTES);
  assert.equal(program.call(SHMCTL, id, IPC_STAT, at), 0);
  return program.memory.readInt64(at + shmidOffset.attachments);
}

test("processes meet in a segment by its key, and it keeps its contents while nobody has it attached", () => {
  const kernel = new TestKernel();
  const [one, two] = [kernel.spawn(), kernel.spawn()];
  assert.equal(one.call(SHMGET, KEY, 5000, 0o600), -ENOENT);
  const id = one.call(SHMGET, KEY, 5000, IPC_CREAT | IPC_EXCL | 0o640);
  assert.ok(id >= 0);
  assert.equal(two.call(SHMGET, KEY, 5000, IPC_CREAT | IPC_EXCL | 0o600), -EEXIST);
  assert.equal(two.call(SHMGET, KEY, 5001, 0o600), -EINVAL, "larger than it is");
  assert.equal(two.call(SHMGET, KEY, 0, 0o600), id);
  const first = one.call(SHMAT, id, 0, 0);
  assert.ok(first > 0 && first % 4096 === 0);
  one.memory.bytes.set([1, 2, 3], first + 4997);
  const second = two.call(SHMAT, id, 0, SHM_RDONLY);
  assert.deepEqual([...two.memory.bytes.slice(second + 4997, second + 5000)], [1, 2, 3]);
  assert.equal(attachments(one, id), 2);
  assert.equal(one.call(SHMDT, first + 4096), -EINVAL);
  assert.equal(one.call(SHMDT, first), 0);
  assert.equal(one.call(SHMDT, first), -EINVAL);
  assert.equal(two.call(SHMDT, second), 0);
  assert.equal(attachments(one, id), 0);
  const again = two.call(SHMAT, id, 0, 0);
  assert.deepEqual([...two.memory.bytes.slice(again + 4997, again + 5000)], [1, 2, 3]);
  const at = one.place(SHMID_DS_BYTES);
  assert.equal(one.call(SHMCTL, id, IPC_STAT, at), 0);
  const { memory } = one;
  assert.equal(memory.readUint32(at + shmidOffset.key), KEY);
  assert.equal(memory.readUint32(at + shmidOffset.mode), 0o640);
  assert.equal(memory.readInt64(at + shmidOffset.byteLength), 5000);
  assert.equal(memory.readUint32(at + shmidOffset.creatorProcessId), one.pid);
  assert.equal(memory.readUint32(at + shmidOffset.lastProcessId), two.pid);
});

test("a removed segment lasts until the last has left it", () => {
  const kernel = new TestKernel();
  const [one, two] = [kernel.spawn(), kernel.spawn()];
  const id = one.call(SHMGET, KEY, 4096, IPC_CREAT | 0o600);
  const start = one.call(SHMAT, id, 0, 0);
  one.memory.bytes[start] = 7;
  assert.equal(one.call(SHMCTL, id, IPC_RMID, 0), 0);
  assert.equal(one.memory.bytes[start], 7);
  assert.equal(two.call(SHMGET, KEY, 4096, 0o600), -ENOENT, "its key is free");
  assert.equal(two.call(SHMAT, id, 0, 0), -EIDRM);
  const at = two.place(SHMID_DS_BYTES);
  assert.equal(two.call(SHMCTL, id, IPC_STAT, at), 0);
  assert.equal(two.memory.readUint32(at + shmidOffset.mode), SHM_DEST | 0o600);
  one.process.exit(0);
  assert.equal(two.call(SHMCTL, id, IPC_STAT, at), -EINVAL);
  assert.notEqual(two.call(SHMGET, KEY, 4096, IPC_CREAT | 0o600), id);
});

test("shmat takes addresses, and detaching what is left of it", () => {
  const program = new TestKernel().spawn();
  const id = program.call(SHMGET, IPC_PRIVATE, 3 * 4096, 0o600);
  assert.notEqual(program.call(SHMGET, IPC_PRIVATE, 3 * 4096, 0o600), id);
  const start = program.call(SHMAT, id, 0, 0);
  assert.equal(program.call(SHMAT, id, start, 0), -EINVAL, "taken");
  assert.equal(program.call(SHMAT, id, start + 1, SHM_REMAP), -EINVAL);
  assert.equal(program.call(SHMAT, id, 0, SHM_REMAP), -EINVAL);
  assert.equal(program.call(SHMAT, id, start + 1, SHM_REMAP | SHM_RND), start);
  assert.equal(program.call(MUNMAP, start + 4096, 4096), 0);
  assert.equal(attachments(program, id), 2, "areas, as Linux counts");
  assert.equal(program.call(SHMDT, start), 0);
  assert.equal(attachments(program, id), 0);
});

test("rights and errors", () => {
  const kernel = new TestKernel();
  const [root, user] = [kernel.spawn(), kernel.spawn()];
  user.process.credentials.effectiveUserId = 1000;
  user.process.credentials.effectiveGroupId = 1000;
  const id = root.call(SHMGET, KEY, 4096, IPC_CREAT | 0o604);
  assert.equal(user.call(SHMGET, KEY, 4096, 0o600), -EACCES);
  assert.equal(user.call(SHMGET, KEY, 4096, 0o400), id);
  assert.equal(user.call(SHMAT, id, 0, 0), -EACCES);
  assert.ok(user.call(SHMAT, id, 0, SHM_RDONLY) > 0);
  assert.equal(user.call(SHMCTL, id, IPC_RMID, 0), -EPERM);
  const at = root.place(SHMID_DS_BYTES);
  root.memory.writeUint32(at + shmidOffset.userId, 1000);
  root.memory.writeUint32(at + shmidOffset.mode, 0o600);
  assert.equal(root.call(SHMCTL, id, IPC_SET, at), 0);
  assert.ok(user.call(SHMAT, id, 0, 0) > 0);
  assert.equal(root.call(SHMCTL, id, IPC_STAT, 8), -EFAULT);
  assert.equal(root.call(SHMCTL, id, 99, at), -EINVAL);
  assert.equal(root.call(SHMCTL, 99, IPC_STAT, at), -EINVAL);
  assert.equal(root.call(SHMAT, 99, 0, 0), -EINVAL);
  assert.equal(root.call(SHMGET, KEY + 1, 0, IPC_CREAT), -EINVAL);
  assert.equal(root.call(SHMGET, KEY + 1, 2 ** 33, IPC_CREAT), -EINVAL);
});
