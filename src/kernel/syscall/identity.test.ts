/** Ids and capabilities of processes, and what they keep a process from. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CAPABILITY_VERSION_3, ROOT_CAPABILITIES } from "../../abi/capability.ts";
import { EACCES, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from "../../abi/file.ts";
import { SIGCONT } from "../../abi/signal.ts";
import { Guest, type GuestStat } from "../vfs/guest.fixture.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";
import { NetKernel } from "./socket.fixture.ts";

const [SETUID, SETGID, SETREUID, SETRESUID, GETRESUID, SETFSUID, SETGROUPS, GETGROUPS] = [
  146, 144, 145, 147, 148, 151, 159, 158,
];
const [GETUID, GETEUID, CAPGET, CAPSET, KILL, PRCTL] = [174, 175, 90, 91, 129, 167];
const [CHMOD, CHOWN, ACCESS, CHROOT, UTIMES, TRUNCATE] = [53, 54, 48, 51, 88, 45];
const SAME = -1;

function ids(program: TestProgram): number[] {
  const at = program.place(12);
  assert.equal(program.call(GETRESUID, at, at + 4, at + 8), 0);
  return [0, 4, 8].map((offset) => program.memory.readUint32(at + offset));
}

function effectiveCapabilities(program: TestProgram): number {
  const header = program.place(8);
  const data = program.place(24);
  program.memory.writeUint32(header, CAPABILITY_VERSION_3);
  assert.equal(program.call(CAPGET, header, data), 0);
  return program.memory.readUint32(data);
}

describe("ids", () => {
  test("root that becomes somebody else cannot come back", () => {
    const program = new TestKernel().spawn();
    assert.equal(program.call(SETUID, 33), 0);
    assert.deepEqual(ids(program), [33, 33, 33]);
    assert.equal(program.call(GETUID), 33);
    assert.equal(program.call(GETEUID), 33);
    assert.equal(program.call(SETUID, 0), -EPERM);
    assert.equal(program.call(SETUID, -1), -EINVAL);
    assert.equal(program.call(SETGID, 5), -EPERM);
    assert.equal(program.call(SETGROUPS, 0, 0), -EPERM);
    assert.equal(effectiveCapabilities(program), 0);
  });

  test("a saved id leads back, with the capabilities", () => {
    const program = new TestKernel().spawn();
    assert.equal(program.call(SETRESUID, SAME, 33, 0), 0);
    assert.deepEqual(ids(program), [0, 33, 0]);
    assert.equal(effectiveCapabilities(program), 0);
    assert.equal(program.call(SETUID, 44), -EPERM);
    assert.equal(program.call(SETREUID, SAME, 0), 0);
    assert.deepEqual(ids(program), [0, 0, 0]);
    assert.equal(effectiveCapabilities(program), ROOT_CAPABILITIES);
    assert.equal(program.call(SETREUID, 7, 33), 0);
    assert.deepEqual(ids(program), [7, 33, 33]);
    assert.equal(program.call(SETREUID, 33, 7), 0);
    assert.equal(program.call(SETRESUID, 8, SAME, SAME), -EPERM);
  });

  test("children are who their parent was, and change alone", () => {
    const kernel = new TestKernel();
    const parent = kernel.spawn();
    assert.equal(parent.call(SETREUID, 33, 33), 0);
    const child = kernel.spawn(parent);
    assert.deepEqual(ids(child), [33, 33, 33]);
    assert.equal(effectiveCapabilities(child), 0);
  });

  test("setfsuid tells what the id was", () => {
    const program = new TestKernel().spawn();
    assert.equal(program.call(SETFSUID, 12), 0);
    assert.equal(program.call(SETFSUID, SAME), 12);
    assert.equal(program.call(SETUID, 33), 0);
    assert.equal(program.call(SETFSUID, 12), 33);
    assert.equal(program.call(SETFSUID, SAME), 33);
  });

  test("supplementary groups", () => {
    const program = new TestKernel().spawn();
    const list = program.place(16);
    for (const [index, group] of [9, 4, 7].entries()) program.memory.writeUint32(list + 4 * index, group);
    assert.equal(program.call(SETGROUPS, 3, list), 0);
    assert.equal(program.call(GETGROUPS, 0, 0), 3);
    assert.equal(program.call(GETGROUPS, 2, list), -EINVAL);
    assert.equal(program.call(GETGROUPS, 4, list), 3);
    assert.deepEqual(
      [0, 4, 8].map((offset) => program.memory.readUint32(list + offset)),
      [4, 7, 9],
    );
    assert.equal(program.call(SETGROUPS, 65_537, list), -EINVAL);
  });
});

describe("capabilities", () => {
  test("can be given up and not taken back", () => {
    const program = new TestKernel().spawn();
    const header = program.place(8);
    const data = program.place(24);
    program.memory.writeUint32(header, 1);
    assert.equal(program.call(CAPGET, header, 0), 0);
    assert.equal(program.memory.readUint32(header), CAPABILITY_VERSION_3);
    program.memory.writeUint32(header + 4, 99);
    assert.equal(program.call(CAPGET, header, data), -ESRCH);
    assert.equal(program.call(CAPSET, header, data), -EPERM);
    program.memory.writeUint32(header + 4, 0);
    program.memory.writeUint32(data + 4, 1 << 7);
    assert.equal(program.call(CAPSET, header, data), 0);
    assert.equal(program.call(SETUID, 5), -EPERM);
    program.memory.writeUint32(data, 1 << 7);
    assert.equal(program.call(CAPSET, header, data), 0);
    assert.equal(program.call(PRCTL, 8, 1), 0);
    assert.equal(program.call(SETUID, 5), 0);
    program.memory.writeUint32(data, 1 << 6);
    assert.equal(program.call(CAPSET, header, data), -EPERM);
    program.memory.writeUint32(data, 1 << 7);
    assert.equal(program.call(CAPSET, header, data), 0);
    assert.equal(program.call(SETUID, 6), 0);
  });

  test("prctl tells of the bounding set and of no_new_privs", () => {
    const program = new TestKernel().spawn();
    assert.equal(program.call(PRCTL, 23, 0), 1);
    assert.equal(program.call(PRCTL, 23, 21), 0);
    assert.equal(program.call(PRCTL, 23, 41), -EINVAL);
    assert.equal(program.call(PRCTL, 24, 0), 0);
    assert.equal(program.call(PRCTL, 23, 0), 0);
    assert.equal(program.call(PRCTL, 38, 1, 1), -EINVAL);
    assert.equal(program.call(PRCTL, 38, 1), 0);
    assert.equal(program.call(PRCTL, 39), 1);
    assert.equal(program.call(PRCTL, 0x53564d41, 0, 0), -EINVAL);
  });

  test("exec gives what the file's bits say, unless no_new_privs", () => {
    const { process } = new TestKernel().spawn();
    const { credentials } = process;
    credentials.setUser(33);
    const file = { mode: 0o104755, userId: 0, groupId: 0 } as Parameters<typeof credentials.executed>[0];
    const careful = credentials.clone();
    careful.noNewPrivileges = true;
    careful.executed(file);
    assert.equal(careful.effectiveUserId, 33);
    credentials.executed(file);
    assert.deepEqual([credentials.userId, credentials.effectiveUserId, credentials.savedUserId], [33, 0, 0]);
    assert.equal(credentials.effective, ROOT_CAPABILITIES);
  });
});

test("a signal reaches those whose ids it may", () => {
  const kernel = new TestKernel();
  const root = kernel.spawn();
  const first = kernel.spawn(root);
  const second = kernel.spawn(root);
  assert.equal(first.call(SETUID, 33), 0);
  assert.equal(second.call(SETRESUID, 44, 44, 33), 0);
  assert.equal(first.call(KILL, root.pid, 0), -EPERM);
  assert.equal(first.call(KILL, second.pid, 0), 0);
  assert.equal(second.call(KILL, first.pid, 0), -EPERM);
  assert.equal(second.call(KILL, first.pid, SIGCONT), 0);
  assert.equal(root.call(KILL, first.pid, 0), 0);
  assert.equal(second.call(KILL, -1, 0), -EPERM);
});

describe("files of others", () => {
  /** A guest as user 33, group 33, in the world of root. */
  function prepare(): Guest {
    const guest = new Guest();
    guest.put("/open", "text", 0o644);
    guest.put("/closed", "text", 0o600);
    guest.mkdir("/private", 0o700);
    guest.put("/private/file", "text");
    guest.mkdir("/tmp", 0o755);
    guest.call(CHMOD, -100, guest.path("/tmp"), 0o1777);
    guest.put("/tmp/roots", "text");
    guest.call(CHMOD, -100, guest.path("/tmp/roots"), 0o666);
    guest.put("/group", "text", 0o640);
    guest.call(CHOWN, -100, guest.path("/group"), 0, 7, 0);
    guest.memory.writeUint32(0x8000, 7);
    assert.equal(guest.call(SETGROUPS, 1, 0x8000), 0);
    assert.equal(guest.call(SETGID, 33), 0);
    assert.equal(guest.call(SETUID, 33), 0);
    return guest;
  }

  test("are opened as their modes say", () => {
    const guest = prepare();
    assert.ok(guest.open("/open", O_RDONLY) >= 0);
    assert.equal(guest.open("/open", O_WRONLY), -EACCES);
    assert.equal(guest.open("/closed", O_RDONLY), -EACCES);
    assert.ok(guest.open("/group", O_RDONLY) >= 0);
    assert.equal(guest.open("/group", O_RDWR), -EACCES);
    assert.equal(guest.open("/private/file"), -EACCES);
    assert.equal(guest.stat("/private/file"), -EACCES);
    assert.equal(guest.chdir("/private"), -EACCES);
    assert.equal(guest.call(TRUNCATE, guest.path("/open"), 0), -EACCES);
    assert.equal(guest.call(ACCESS, -100, guest.path("/closed"), 4), -EACCES);
    assert.equal(guest.call(ACCESS, -100, guest.path("/open"), 4), 0);
    assert.equal(guest.call(ACCESS, -100, guest.path("/open"), 1), -EACCES);
    assert.equal(guest.call(CHROOT, guest.path("/tmp")), -EPERM);
  });

  test("are neither made nor removed where the directory does not allow it", () => {
    const guest = prepare();
    assert.equal(guest.open("/new", O_CREAT | O_WRONLY), -EACCES);
    assert.equal(guest.mkdir("/new"), -EACCES);
    assert.equal(guest.symlink("open", "/new"), -EACCES);
    assert.equal(guest.link("/open", "/new"), -EACCES);
    assert.equal(guest.unlink("/open"), -EACCES);
    assert.equal(guest.rename("/open", "/tmp/open"), -EACCES);
    assert.equal(guest.unlink("/tmp/roots"), -EPERM);
    assert.equal(guest.rename("/tmp/roots", "/tmp/mine"), -EPERM);
  });

  test("belong to who made them", () => {
    const guest = prepare();
    const fd = guest.open("/tmp/mine", O_CREAT | O_WRONLY, 0o600);
    assert.ok(fd >= 0);
    const status = guest.process.descriptors.get(fd)?.status();
    assert.ok(typeof status === "object");
    assert.deepEqual([status.userId, status.groupId], [33, 33]);
    assert.equal(guest.mkdir("/tmp/dir", 0o700), 0);
    guest.put("/tmp/dir/inner", "x");
    assert.equal(guest.rename("/tmp/dir", "/tmp/dir2"), 0);
    assert.equal(guest.unlink("/tmp/dir2/inner"), 0);
    assert.equal(guest.rmdir("/tmp/dir2"), 0);
    assert.equal(guest.call(CHMOD, -100, guest.path("/tmp/mine"), 0o640), 0);
    assert.equal((guest.stat("/tmp/mine") as GuestStat).mode & 0o7777, 0o640);
    assert.equal(guest.call(CHOWN, -100, guest.path("/tmp/mine"), 0, -1, 0), -EPERM);
    assert.equal(guest.call(CHOWN, -100, guest.path("/tmp/mine"), -1, 7, 0), 0);
    assert.equal(guest.call(CHMOD, -100, guest.path("/tmp/roots"), 0o600), -EPERM);
    assert.equal(guest.call(UTIMES, -100, guest.path("/tmp/roots"), 0, 0), 0);
    assert.equal(guest.call(UTIMES, -100, guest.path("/open"), 0, 0), -EACCES);
    assert.equal(guest.unlink("/tmp/mine"), 0);
  });
});

test("ports below 1024 are for those with the capability", () => {
  const program = new NetKernel().program();
  assert.equal(program.bind(program.socket(), 80), 0);
  assert.equal(program.call(SETUID, 33), 0);
  assert.equal(program.bind(program.socket(), 81), -EACCES);
  assert.equal(program.bind(program.udp(), 53), -EACCES);
  assert.equal(program.bind(program.socket(), 1024), 0);
  assert.equal(program.bind(program.socket(), 0), 0);
});
