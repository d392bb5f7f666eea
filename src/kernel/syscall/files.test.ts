/** The calls on files as calls: addresses, layouts, flags, and what both ABIs make of them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  E2BIG,
  EACCES,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  ERANGE,
} from "../../abi/errno.ts";
import {
  AT_EMPTY_PATH,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_WRONLY,
} from "../../abi/file.ts";
import { Guest } from "../vfs/guest.fixture.ts";

/** Behind the end of the guest's memory, and in the page at 0. */
const BAD_ADDRESSES = [0x4000_0000, 1];
const AT = 0x9000;

describe("addresses", () => {
  test("a bad one is EFAULT in every call, and nothing has happened", () => {
    const guest = new Guest();
    guest.put("/f", "contents");
    guest.mkdir("/d");
    const fd = guest.open("/f", O_RDWR);
    const directory = guest.open("/d", O_DIRECTORY);
    for (const bad of BAD_ADDRESSES) {
      const path = guest.path("/f");
      assert.equal(guest.call(56, -100, bad, O_CREAT | O_WRONLY, 0o644), -EFAULT);
      assert.equal(guest.call(34, -100, bad, 0o755), -EFAULT);
      assert.equal(guest.call(33, -100, bad, 0o100644), -EFAULT);
      assert.equal(guest.call(35, -100, bad, 0), -EFAULT);
      assert.equal(guest.call(36, bad, -100, path), -EFAULT);
      assert.equal(guest.call(36, path, -100, bad), -EFAULT);
      assert.equal(guest.call(37, -100, path, -100, bad, 0), -EFAULT);
      assert.equal(guest.call(38, -100, path, -100, bad), -EFAULT);
      assert.equal(guest.call(276, -100, bad, -100, path, 0), -EFAULT);
      assert.equal(guest.call(43, path, bad), -EFAULT);
      assert.equal(guest.call(44, fd, bad), -EFAULT);
      assert.equal(guest.call(45, bad, 0), -EFAULT);
      assert.equal(guest.call(48, -100, bad, 4), -EFAULT);
      assert.equal(guest.call(49, bad), -EFAULT);
      assert.equal(guest.call(51, bad), -EFAULT);
      assert.equal(guest.call(53, -100, bad, 0o600), -EFAULT);
      assert.equal(guest.call(54, -100, bad, 0, 0, 0), -EFAULT);
      assert.equal(guest.call(61, directory, bad, 100), -EFAULT);
      assert.equal(guest.call(71, fd, fd, bad, 1), -EFAULT);
      assert.equal(guest.call(79, -100, path, bad, 0), -EFAULT);
      assert.equal(guest.call(80, fd, bad), -EFAULT);
      assert.equal(guest.call(88, -100, path, bad, 0), -EFAULT);
      assert.equal(guest.call(291, -100, path, 0, 0x7ff, bad), -EFAULT);
      assert.equal(guest.call(17, bad, 100), -EFAULT);
      assert.equal(guest.symlink("/f", "/l"), 0);
      assert.equal(guest.call(78, -100, guest.path("/l"), bad, 100), -EFAULT);
      assert.equal(guest.unlink("/l"), 0);
    }
    assert.equal(guest.get("/f"), "contents");
    assert.deepEqual(guest.list("/"), ["d", "f"]);
  });

  test("a path without its NUL before the end of memory", () => {
    const guest = new Guest();
    const { bytes } = guest.memory;
    bytes.fill(0x61, bytes.length - 100);
    assert.equal(guest.call(56, -100, bytes.length - 100, 0, 0), -EFAULT);
    bytes.fill(0x61, 0x9000, 0x9000 + 5000);
    assert.equal(guest.call(56, -100, 0x9000, 0, 0), -ENAMETOOLONG);
  });

  test("bad descriptors", () => {
    const guest = new Guest();
    for (const fd of [-1, 5, 1e9, -100]) {
      assert.equal(guest.call(62, fd, 0, 0), -EBADF);
      assert.equal(guest.call(80, fd, AT), -EBADF);
      assert.equal(guest.call(46, fd, 0), -EBADF);
      assert.equal(guest.call(61, fd, AT, 100), -EBADF);
      assert.equal(guest.call(82, fd), -EBADF);
      assert.equal(guest.call(50, fd), -EBADF);
      assert.equal(guest.call(52, fd, 0), -EBADF);
      assert.equal(guest.call(55, fd, 0, 0), -EBADF);
      assert.equal(guest.call(44, fd, AT), -EBADF);
      assert.equal(guest.call(71, fd, fd, 0, 1), -EBADF);
      assert.equal(guest.call(47, fd, 0, 0, 1), -EBADF);
    }
  });
});

describe("layouts", () => {
  test("struct stat of arm64, 128 bytes", () => {
    const guest = new Guest();
    guest.clock.advanceTo(123.5);
    guest.put("/f", "x".repeat(5000), 0o604);
    guest.memory.bytes.fill(0xee, AT, AT + 140);
    assert.equal(guest.call(79, -100, guest.path("/f"), AT, 0), 0);
    const { view } = guest.memory;
    assert.equal(view.getBigUint64(AT, true), 1n);
    assert.equal(view.getUint32(AT + 16, true), 0o100604);
    assert.equal(view.getUint32(AT + 20, true), 1);
    assert.equal(view.getUint32(AT + 24, true), 0);
    assert.equal(view.getUint32(AT + 28, true), 0);
    assert.equal(view.getBigUint64(AT + 32, true), 0n);
    assert.equal(view.getBigInt64(AT + 48, true), 5000n);
    assert.equal(view.getInt32(AT + 56, true), 4096);
    assert.equal(view.getBigInt64(AT + 64, true), 16n);
    for (const time of [72, 88, 104]) {
      assert.equal(view.getBigInt64(AT + time, true), 1_700_000_000n);
      assert.equal(view.getBigUint64(AT + time + 8, true), 123_500_000n);
    }
    assert.equal(view.getBigUint64(AT + 120, true), 0n);
    assert.equal(guest.memory.bytes[AT + 128], 0xee);
  });

  test("struct statx, 256 bytes", () => {
    const guest = new Guest();
    guest.put("/f", "12345", 0o640);
    assert.equal(guest.call(291, -100, guest.path("/f"), 0, 0x7ff, AT), 0);
    const { view } = guest.memory;
    assert.equal(view.getUint32(AT, true) & 0x7ff, 0x7ff);
    assert.equal(view.getUint16(AT + 28, true), 0o100640);
    assert.equal(view.getBigUint64(AT + 40, true), 5n);
    assert.equal(view.getBigInt64(AT + 112, true), 1_700_000_000n);
    assert.equal(guest.call(291, -100, guest.path("/f"), 0x6000, 0x7ff, AT), -EINVAL);
    assert.equal(guest.call(291, -100, guest.path("/f"), 0x10000, 0x7ff, AT), -EINVAL);
    assert.equal(guest.call(291, -100, guest.path("/f"), 0, 0x80000000, AT), -EINVAL);
  });

  test("times before 1970 have whole seconds below them", () => {
    const guest = new Guest();
    guest.put("/f", "");
    guest.memory.writeInt64(AT, -10);
    guest.memory.writeInt64(AT + 8, 250_000_000);
    guest.memory.writeInt64(AT + 16, -10);
    guest.memory.writeInt64(AT + 24, 250_000_000);
    assert.equal(guest.call(88, -100, guest.path("/f"), AT, 0), 0);
    assert.equal(guest.call(79, -100, guest.path("/f"), AT, 0), 0);
    assert.equal(guest.memory.readInt64(AT + 88), -10);
    assert.equal(guest.memory.readInt64(AT + 96), 250_000_000);
  });

  test("readlink cuts and writes no NUL; getcwd says how much it needs", () => {
    const guest = new Guest();
    guest.symlink("0123456789", "/l");
    guest.memory.bytes.fill(0xee, AT, AT + 20);
    assert.equal(guest.call(78, -100, guest.path("/l"), AT, 4), 4);
    assert.deepEqual([...guest.memory.bytes.slice(AT, AT + 5)], [0x30, 0x31, 0x32, 0x33, 0xee]);
    assert.equal(guest.call(78, -100, guest.path("/l"), AT, 0), -EINVAL);
    const link = guest.open("/l", O_PATH | O_NOFOLLOW);
    assert.equal(guest.call(78, link, guest.path(""), AT, 100), 10);
    assert.equal(guest.call(78, guest.open("/"), guest.path(""), AT, 100), -ENOENT);
    guest.mkdir("/directory");
    guest.chdir("/directory");
    assert.equal(guest.call(17, AT, 10), -ERANGE);
    assert.equal(guest.call(17, AT, 11), 11);
    assert.equal(guest.call(17, AT, 0), -ERANGE);
  });
});

describe("flags", () => {
  test("O_CLOEXEC marks the descriptor; O_TMPFILE is not there", () => {
    const guest = new Guest();
    const fd = guest.open("/f", O_CREAT | O_WRONLY | O_CLOEXEC);
    assert.equal(guest.process.descriptors.flagsOf(fd), FD_CLOEXEC);
    assert.equal(guest.process.descriptors.get(fd)?.flags, O_WRONLY);
    assert.equal(guest.open("/", 0o20040000 | O_RDWR), -EOPNOTSUPP);
    assert.equal(guest.open("/", 0o20040000), -EINVAL);
  });

  test("without a free descriptor nothing is made", () => {
    const guest = new Guest();
    guest.process.descriptors.limit = 1;
    assert.equal(guest.open("/a", O_CREAT | O_WRONLY), 0);
    assert.equal(guest.open("/b", O_CREAT | O_WRONLY), -EMFILE);
    guest.close(0);
    assert.deepEqual(guest.list("/"), ["a"]);
  });

  test("unknown at-flags are EINVAL", () => {
    const guest = new Guest();
    guest.put("/f", "");
    const path = guest.path("/f");
    assert.equal(guest.call(79, -100, path, AT, 0x8000), -EINVAL);
    assert.equal(guest.call(35, -100, path, 1), -EINVAL);
    assert.equal(guest.call(37, -100, path, -100, guest.secondPath("/g"), 0x100), -EINVAL);
    assert.equal(guest.call(54, -100, path, 0, 0, 0x200), -EINVAL);
    assert.equal(guest.call(88, -100, path, 0, 0x200), -EINVAL);
    assert.equal(guest.call(439, -100, path, 0, 0x8000), -EINVAL);
    assert.equal(guest.call(452, -100, path, 0, 0x200), -EINVAL);
    assert.equal(guest.call(48, -100, path, 8), -EINVAL);
  });

  test("access asks what root may: everything but to execute what nobody may", () => {
    const guest = new Guest();
    guest.put("/f", "", 0);
    assert.equal(guest.call(48, -100, guest.path("/f"), 6), 0);
    assert.equal(guest.call(48, -100, guest.path("/f"), 1), -EACCES);
    assert.equal(guest.call(53, -100, guest.path("/f"), 0o001), 0);
    assert.equal(guest.call(48, -100, guest.path("/f"), 7), 0);
    assert.equal(guest.call(48, -100, guest.path("/no"), 0), -ENOENT);
    const fd = guest.open("/f");
    assert.equal(guest.call(439, fd, guest.path(""), 4, AT_EMPTY_PATH), 0);
  });

  test("chown is kept; chmod of a symlink is refused", () => {
    const guest = new Guest();
    guest.put("/f", "");
    guest.symlink("f", "/l");
    assert.equal(guest.call(54, -100, guest.path("/f"), 12, 34, 0), 0);
    assert.equal(guest.call(55, guest.open("/f"), -1, 56), 0);
    assert.equal(guest.call(79, -100, guest.path("/f"), AT, 0), 0);
    assert.equal(guest.memory.readUint32(AT + 24), 12);
    assert.equal(guest.memory.readUint32(AT + 28), 56);
    assert.equal(guest.call(54, -100, guest.path("/l"), 7, 7, 0x100), 0);
    assert.equal(guest.call(452, -100, guest.path("/l"), 0o600, 0x100), -EOPNOTSUPP);
  });

  test("mknod makes plain files and named pipes, and no devices", () => {
    const guest = new Guest();
    assert.equal(guest.call(33, -100, guest.path("/f"), 0o100640, 0), 0);
    assert.equal(guest.call(33, -100, guest.path("/g"), 0o640, 0), 0);
    assert.equal(guest.call(33, -100, guest.path("/p"), 0o010640, 0), 0);
    for (const type of [0o020000, 0o060000, 0o140000]) {
      assert.equal(guest.call(33, -100, guest.path("/x"), type | 0o600, 0), -1);
    }
    assert.equal(guest.call(33, -100, guest.path("/f"), 0o100640, 0), -17);
    assert.deepEqual(guest.list("/"), ["f", "g", "p"]);
  });
});

test("extended attributes: there are none, once the arguments are right", () => {
  const guest = new Guest();
  guest.put("/f", "");
  const fd = guest.open("/f");
  const name = guest.secondPath("user.mime");
  for (const [number, target] of [
    [8, guest.path("/f")],
    [10, fd],
  ] as const) {
    assert.equal(guest.call(number, target, name, 0, 0), -EOPNOTSUPP);
    assert.equal(guest.call(number - 3, target, name, AT, 5, 0), -EOPNOTSUPP);
    assert.equal(guest.call(number - 3, target, name, AT, 5, 4), -EINVAL);
    assert.equal(guest.call(number - 3, target, name, AT, 70_000, 0), -E2BIG);
    assert.equal(guest.call(number - 3, target, name, 1, 5, 0), -EFAULT);
    assert.equal(guest.call(number + 3, target, AT, 100), 0);
    assert.equal(guest.call(number + 6, target, name), -EOPNOTSUPP);
    assert.equal(guest.call(number, target, 1, 0, 0), -EFAULT);
  }
  assert.equal(guest.call(8, guest.path("/f"), guest.secondPath(""), 0, 0), -ERANGE);
  assert.equal(guest.call(8, guest.path("/f"), guest.secondPath("user.".padEnd(256, "x")), 0, 0), -ERANGE);
  assert.equal(guest.call(11, guest.path("/no"), AT, 100), -ENOENT);
  assert.equal(guest.call(13, 99, AT, 100), -EBADF);
  assert.equal(guest.symlink("missing", "/l"), 0);
  assert.equal(guest.call(11, guest.path("/l"), AT, 100), -ENOENT);
  assert.equal(guest.call(12, guest.path("/l"), AT, 100), 0);
});

test("the akuma ABI's openat takes a length and no NUL", () => {
  const guest = new Guest();
  guest.put("/file", "found");
  const akuma = guest.makeProcess("akuma");
  guest.path("/file-and-more");
  const open = (length: number, flags = 0, address = 0x2000): number =>
    guest.callAny(56, [-100, address, length, flags, 0o644], akuma) as number;
  assert.equal(open(5), 0);
  assert.equal(open(0), -ENOENT);
  assert.equal(open(4), -ENOENT);
  assert.equal(open(14, O_CREAT | O_WRONLY), 1);
  assert.equal(guest.get("/file-and-more"), "");
  assert.equal(open(15), -EINVAL);
  assert.equal(open(4096), -ENAMETOOLONG);
  assert.equal(open(10, 0, 1), -EFAULT);
  assert.equal(open(2 ** 31), -EFAULT);
});

test("fsync and its like", () => {
  const guest = new Guest();
  const fd = guest.open("/f", O_CREAT | O_WRONLY);
  const path = guest.open("/f", O_PATH);
  for (const number of [82, 83, 267]) {
    assert.equal(guest.call(number, fd), 0);
    assert.equal(guest.call(number, path), -EBADF);
  }
  assert.equal(guest.call(81), 0);
  assert.equal(guest.call(84, fd, 0, 4096, 7), 0);
  assert.equal(guest.call(84, fd, 0, 4096, 8), -EINVAL);
  assert.equal(guest.call(84, fd, -1, 4096, 2), -EINVAL);
  assert.equal(guest.call(84, path, 0, 0, 2), -EBADF);
  assert.equal(guest.call(223, fd, 0, 0, 9), -EINVAL);
  assert.equal(guest.call(223, fd, 0, 0, 2), 0);
  assert.equal(guest.chdir("/f"), -ENOTDIR);
});
