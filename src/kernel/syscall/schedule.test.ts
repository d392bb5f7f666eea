/** Priorities and policies: kept, inherited, told again; not raised by anybody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { TestKernel } from "./calls.fixture.ts";

const [SETPRIORITY, GETPRIORITY, SETSCHEDULER, GETSCHEDULER] = [140, 141, 119, 120];
const [PERSONALITY, SYSLOG, ADJTIMEX, UNSHARE, SETUID] = [92, 116, 171, 97, 146];

test("nice values are inherited and only grow", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  assert.equal(parent.call(SETPRIORITY, 0, 0, 7), 0);
  const child = kernel.spawn(parent);
  assert.equal(child.call(GETPRIORITY, 0, 0), 13);
  assert.equal(child.call(SETPRIORITY, 0, 0, 3), -EACCES);
  assert.equal(child.call(SETPRIORITY, 0, parent.pid, 9), 0);
  // The most favoured of a group counts.
  assert.equal(child.call(GETPRIORITY, 1, 0), 13);
  assert.equal(child.call(SETPRIORITY, 2, 0, 19), 0);
  assert.equal(parent.call(GETPRIORITY, 1, 0), 1);
});

test("nobody changes the priority of others", () => {
  const kernel = new TestKernel();
  const root = kernel.spawn();
  const user = kernel.spawn(root);
  assert.equal(user.call(SETUID, 33), 0);
  assert.equal(user.call(SETPRIORITY, 0, root.pid, 5), -EPERM);
  assert.equal(user.call(SETSCHEDULER, root.pid, 3, user.place(4)), -EPERM);
  assert.equal(root.call(SETPRIORITY, 0, user.pid, 5), 0);
  assert.equal(root.call(SETPRIORITY, 0, 999, 5), -ESRCH);
});

test("a policy is reset in children where that was asked for", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const parameter = parent.place(4);
  assert.equal(parent.call(SETSCHEDULER, 0, 3, parameter), 0);
  assert.equal(kernel.spawn(parent).call(GETSCHEDULER, 0), 3);
  assert.equal(parent.call(SETSCHEDULER, 0, 0x4000_0003, parameter), 0);
  assert.equal(parent.call(GETSCHEDULER, 0), 0x4000_0003);
  assert.equal(kernel.spawn(parent).call(GETSCHEDULER, 0), 0);
  parent.memory.writeUint32(parameter, 1);
  assert.equal(parent.call(SETSCHEDULER, 0, 1, parameter), -EPERM);
});

test("what can be asked without a capability is answered", () => {
  const program = new TestKernel().spawn();
  assert.equal(program.call(PERSONALITY, 0xffff_ffff), 0);
  assert.equal(program.call(PERSONALITY, 0x4_0000), 0);
  assert.equal(program.call(PERSONALITY, 0xffff_ffff), 0x4_0000);
  assert.equal(program.call(SYSLOG, 10, 0, 0), 0);
  assert.equal(program.call(SYSLOG, 3, 0, 0), -EINVAL);
  assert.equal(program.call(SYSLOG, 5, 0, 0), -EPERM);
  const timex = program.place(208);
  assert.equal(program.call(ADJTIMEX, timex), 5);
  assert.equal(program.memory.readInt64(timex + 88), 10_000);
  program.memory.writeUint32(timex, 1);
  assert.equal(program.call(ADJTIMEX, timex), -EPERM);
  assert.equal(program.call(ADJTIMEX, 8), -EFAULT);
  assert.equal(program.call(UNSHARE, 0x400), 0);
  assert.equal(program.call(UNSHARE, 0x2_0000), -EPERM);
});
