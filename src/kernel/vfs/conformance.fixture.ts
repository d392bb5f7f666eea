/**
 * What every writable file system must do, seen through the system calls: one suite for memfs, hostfs and whatever comes. Each
 * test gets an empty file system of the kind, mounted on /mnt, and works in there.
 */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import {
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
} from "../../abi/errno.ts";
import {
  DT_DIR,
  DT_LNK,
  DT_REG,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  RENAME_NOREPLACE,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  SEEK_CUR,
  SEEK_END,
} from "../../abi/file.ts";
import { Guest, type GuestStat } from "./guest.fixture.ts";
import type { FileSystem } from "./inode.ts";

function statOf(result: GuestStat | number): GuestStat {
  assert.equal(typeof result, "object", `stat gave ${String(result)}`);
  return result as GuestStat;
}

/** `make` gives a fresh, empty file system; what it needs to clean up hangs on the test's context. */
export function describeFileSystem(name: string, make: (context: TestContext, guest: Guest) => FileSystem): void {
  const check = (title: string, body: (guest: Guest) => void): void => {
    test(title, (context) => {
      const guest = new Guest();
      assert.equal(guest.mkdir("/mnt"), 0);
      const fileSystem = make(context, guest);
      assert.equal(guest.mounts.mount("/mnt", fileSystem), 0);
      body(guest);
      assert.equal(guest.chdir("/"), 0);
      guest.process.descriptors.closeAll();
      // Whatever the test did: every open file has given back its place.
      assert.equal(guest.mounts.unmount("/mnt"), 0, "the mount is still in use");
    });
  };

  describe(`${name}: open, read, write`, () => {
    check("a new file is empty, and keeps what is written", (guest) => {
      const fd = guest.open("/mnt/f", O_RDWR | O_CREAT | O_EXCL, 0o640);
      assert.equal(fd, 0);
      assert.equal(statOf(guest.fstat(fd)).size, 0);
      assert.equal(guest.write(fd, "hello "), 6);
      assert.equal(guest.write(fd, "world"), 5);
      assert.equal(guest.seek(fd, 0), 0);
      assert.equal(guest.readText(fd, 5), "hello");
      assert.equal(guest.readText(fd), " world");
      assert.equal(guest.readText(fd), "");
      const status = statOf(guest.stat("/mnt/f"));
      assert.equal(status.mode, S_IFREG | 0o640);
      assert.equal(status.size, 11);
      assert.equal(status.links, 1);
    });

    check("the umask takes permissions away", (guest) => {
      assert.equal(guest.call(166, 0o077), 0o022);
      assert.equal(guest.call(166, 0o027), 0o077);
      guest.close(guest.open("/mnt/f", O_WRONLY | O_CREAT, 0o666));
      assert.equal(statOf(guest.stat("/mnt/f")).mode, S_IFREG | 0o640);
      assert.equal(guest.mkdir("/mnt/d", 0o777), 0);
      assert.equal(statOf(guest.stat("/mnt/d")).mode, S_IFDIR | 0o750);
    });

    check("O_CREAT, O_EXCL and O_TRUNC", (guest) => {
      assert.equal(guest.open("/mnt/f"), -ENOENT);
      guest.put("/mnt/f", "contents");
      assert.equal(guest.open("/mnt/f", O_CREAT | O_EXCL | O_WRONLY), -EEXIST);
      const kept = guest.open("/mnt/f", O_CREAT | O_RDWR);
      assert.equal(statOf(guest.fstat(kept)).size, 8);
      guest.close(guest.open("/mnt/f", O_TRUNC | O_WRONLY));
      assert.equal(statOf(guest.fstat(kept)).size, 0);
      assert.equal(guest.open("/mnt/f/", O_CREAT | O_WRONLY), -EISDIR);
      assert.equal(guest.open("/mnt/new/", O_CREAT | O_WRONLY), -EISDIR);
      assert.equal(guest.open("/mnt/no/f", O_CREAT | O_WRONLY), -ENOENT);
      assert.equal(guest.open("/mnt/f/f", O_CREAT | O_WRONLY), -ENOTDIR);
    });

    check("access modes are kept", (guest) => {
      guest.put("/mnt/f", "x");
      const reader = guest.open("/mnt/f", O_RDONLY);
      assert.equal(guest.write(reader, "y"), -EBADF);
      assert.equal(guest.call(46, reader, 0), -EINVAL);
      const writer = guest.open("/mnt/f", O_WRONLY);
      assert.equal(guest.read(writer), -EBADF);
      const neither = guest.open("/mnt/f", O_ACCMODE);
      assert.deepEqual(
        [guest.read(neither), guest.write(neither, "y")],
        [-EBADF, -EBADF],
        "open(2): for ioctl(2) alone",
      );
    });

    check("O_APPEND writes at the end, wherever the position is", (guest) => {
      guest.put("/mnt/f", "one");
      const append = guest.open("/mnt/f", O_WRONLY | O_APPEND);
      const other = guest.open("/mnt/f", O_WRONLY);
      assert.equal(guest.seek(append, 0), 0);
      assert.equal(guest.write(append, "two"), 3);
      assert.equal(guest.seek(append, 0, SEEK_CUR), 6);
      assert.equal(guest.writeAt(other, "XXXXXXXX", 0), 8);
      assert.equal(guest.write(append, "!"), 1);
      assert.equal(guest.get("/mnt/f"), "XXXXXXXX!");
    });

    check("positions, holes, and reading behind the end", (guest) => {
      const fd = guest.open("/mnt/f", O_RDWR | O_CREAT);
      assert.equal(guest.seek(fd, 100_000), 100_000);
      assert.equal(guest.readText(fd, 10), "");
      assert.equal(guest.write(fd, "end"), 3);
      assert.equal(guest.seek(fd, 0, SEEK_END), 100_003);
      assert.equal(guest.seek(fd, -3, SEEK_CUR), 100_000);
      assert.equal(guest.readText(fd), "end");
      const hole = guest.readAt(fd, 70_000, 1000) as Uint8Array;
      assert.equal(hole.length, 70_000);
      assert.equal(
        hole.every((byte) => byte === 0),
        true,
      );
      assert.equal(guest.seek(fd, -1), -EINVAL);
      assert.equal(guest.seek(fd, -100_004, SEEK_END), -EINVAL);
      assert.equal(guest.seek(fd, 0, 9), -EINVAL);
      assert.equal(guest.seek(99, 0), -EBADF);
    });

    check("a position beyond four gigabytes", (guest) => {
      const fd = guest.open("/mnt/f", O_RDWR | O_CREAT);
      const far = 5 * 2 ** 30 + 7;
      assert.equal(guest.seek(fd, far), far);
      assert.equal(guest.write(fd, "far"), 3);
      assert.equal(statOf(guest.fstat(fd)).size, far + 3);
      assert.deepEqual(guest.readAt(fd, 5, far - 2), new TextEncoder().encode("\0\0far"));
      assert.equal(guest.call(46, fd, 0), 0);
    });

    check("truncate shortens and lengthens with zeros", (guest) => {
      guest.put("/mnt/f", "abcdefgh");
      assert.equal(guest.truncate("/mnt/f", 3), 0);
      assert.equal(guest.get("/mnt/f"), "abc");
      assert.equal(guest.truncate("/mnt/f", 6), 0);
      assert.equal(guest.get("/mnt/f"), "abc\0\0\0");
      assert.equal(guest.truncate("/mnt/f", -1), -EINVAL);
      assert.equal(guest.truncate("/mnt", 0), -EISDIR);
      assert.equal(guest.truncate("/mnt/no", 0), -ENOENT);
      const fd = guest.open("/mnt/f", O_RDWR);
      assert.equal(guest.call(46, fd, 1), 0);
      assert.equal(guest.readText(fd), "a");
    });

    check("large contents come back whole", (guest) => {
      const contents = new Uint8Array(300_000);
      for (let k = 0; k < contents.length; k++) contents[k] = (k * 31 + (k >> 8)) & 0xff;
      guest.put("/mnt/f", contents);
      const fd = guest.open("/mnt/f");
      let at = 0;
      for (
        let part = guest.read(fd, 70_001);
        typeof part !== "number" && part.length > 0;
        part = guest.read(fd, 70_001)
      ) {
        assert.deepEqual(part, contents.subarray(at, at + part.length));
        at += part.length;
      }
      assert.equal(at, contents.length);
    });

    check("an unlinked file lives on until it is closed", (guest) => {
      guest.put("/mnt/f", "still here");
      const fd = guest.open("/mnt/f", O_RDWR);
      assert.equal(guest.unlink("/mnt/f"), 0);
      assert.equal(guest.open("/mnt/f"), -ENOENT);
      assert.equal(guest.readText(fd), "still here");
      assert.equal(guest.write(fd, "!"), 1);
      const status = statOf(guest.fstat(fd));
      assert.equal(status.links, 0);
      assert.equal(status.size, 11);
    });

    check("O_PATH gives a place and no contents", (guest) => {
      guest.put("/mnt/f", "x");
      assert.equal(guest.mkdir("/mnt/d"), 0);
      guest.put("/mnt/d/g", "inner");
      const fd = guest.open("/mnt/f", O_PATH);
      assert.equal(guest.read(fd), -EBADF);
      assert.equal(guest.write(fd, "y"), -EBADF);
      assert.equal(guest.seek(fd, 0), -EBADF);
      assert.equal(guest.call(52, fd, 0o600), -EBADF);
      assert.equal(statOf(guest.fstat(fd)).size, 1);
      const directory = guest.open("/mnt/d", O_PATH | O_DIRECTORY);
      const inner = guest.open("g", O_RDONLY, 0, directory);
      assert.equal(guest.readText(inner), "inner");
      assert.equal(guest.entries(directory), -EBADF);
      assert.equal(guest.open("/mnt/f", O_PATH | O_DIRECTORY), -ENOTDIR);
    });
  });

  describe(`${name}: directories`, () => {
    check("mkdir and rmdir", (guest) => {
      assert.equal(guest.mkdir("/mnt/d", 0o711), 0);
      const status = statOf(guest.stat("/mnt/d"));
      assert.equal(status.mode, S_IFDIR | 0o711);
      // Some hosts (btrfs) give every directory one link.
      const counts = status.links === 2;
      assert.ok(counts || status.links === 1);
      assert.equal(guest.mkdir("/mnt/d"), -EEXIST);
      assert.equal(guest.mkdir("/mnt/d/"), -EEXIST);
      assert.equal(guest.mkdir("/mnt/no/d"), -ENOENT);
      assert.equal(guest.mkdir("/mnt/d/e/"), 0);
      if (counts) assert.equal(statOf(guest.stat("/mnt/d")).links, 3);
      assert.equal(guest.rmdir("/mnt/d"), -ENOTEMPTY);
      assert.equal(guest.rmdir("/mnt/d/e/"), 0);
      assert.equal(guest.rmdir("/mnt/d/."), -EINVAL);
      assert.equal(guest.rmdir("/mnt/d/.."), -ENOTEMPTY);
      assert.equal(guest.unlink("/mnt/d"), -EISDIR);
      assert.equal(guest.rmdir("/mnt/d"), 0);
      assert.equal(guest.rmdir("/mnt/d"), -ENOENT);
      guest.put("/mnt/f", "");
      assert.equal(guest.rmdir("/mnt/f"), -ENOTDIR);
      assert.equal(guest.mkdir("/mnt/f/d"), -ENOTDIR);
      assert.equal(guest.mkdir(`/mnt/${"n".repeat(256)}`), -ENAMETOOLONG);
      assert.equal(guest.mkdir(`/mnt/${"n".repeat(255)}`), 0);
    });

    check("getdents64 lists everything once, with types and the inodes of stat", (guest) => {
      guest.put("/mnt/file", "");
      assert.equal(guest.mkdir("/mnt/directory"), 0);
      assert.equal(guest.symlink("file", "/mnt/link"), 0);
      const fd = guest.open("/mnt", O_DIRECTORY);
      const entries = guest.entries(fd);
      assert.notEqual(typeof entries, "number");
      if (typeof entries === "number") return;
      const byName = new Map(entries.map((entry) => [entry.name, entry]));
      assert.deepEqual([...byName.keys()].sort(), [".", "..", "directory", "file", "link"]);
      assert.equal(byName.get("file")?.type, DT_REG);
      assert.equal(byName.get("directory")?.type, DT_DIR);
      assert.equal(byName.get("link")?.type, DT_LNK);
      for (const entry of ["file", "directory", "link"]) {
        assert.equal(byName.get(entry)?.inode, statOf(guest.lstat(`/mnt/${entry}`)).inode);
      }
      assert.deepEqual(guest.entries(fd), []);
      assert.equal(guest.seek(fd, 0), 0);
      assert.equal((guest.entries(fd) as unknown[]).length, 5);
      assert.equal(guest.read(fd), -EISDIR);
      const file = guest.open("/mnt/file");
      assert.equal(guest.entries(file), -ENOTDIR);
    });

    check("a buffer too small for one entry is EINVAL; small buffers lose nothing", (guest) => {
      const names = Array.from({ length: 60 }, (_, k) => `entry-${"x".repeat(k * 3)}-${k}`);
      for (const entry of names) guest.put(`/mnt/${entry}`, "");
      const fd = guest.open("/mnt", O_DIRECTORY);
      assert.equal(guest.entries(fd, 20), -EINVAL);
      const seen: string[] = [];
      for (;;) {
        const entries = guest.entries(fd, 400);
        assert.notEqual(typeof entries, "number");
        if (typeof entries === "number" || entries.length === 0) break;
        seen.push(...entries.map((entry) => entry.name));
      }
      assert.deepEqual(seen.sort(), [".", "..", ...names].sort());
    });

    check("reading goes on right while entries are removed: rm -r", (guest) => {
      const names = Array.from({ length: 200 }, (_, k) => `file-${k}`);
      for (const entry of names) guest.put(`/mnt/${entry}`, "");
      const fd = guest.open("/mnt", O_DIRECTORY);
      const removed: string[] = [];
      for (;;) {
        const entries = guest.entries(fd, 600);
        if (typeof entries === "number" || entries.length === 0) break;
        for (const entry of entries) {
          if (entry.name === "." || entry.name === "..") continue;
          assert.equal(guest.unlink(`/mnt/${entry.name}`), 0);
          removed.push(entry.name);
        }
      }
      assert.deepEqual(removed.sort(), names.sort());
      assert.deepEqual(guest.list("/mnt"), []);
    });

    check("a cursor that was given out may be returned to", (guest) => {
      for (let k = 0; k < 40; k++) guest.put(`/mnt/f${k}`, "");
      const fd = guest.open("/mnt", O_DIRECTORY);
      const first = guest.entries(fd, 300);
      const rest = guest.entries(fd, 100_000);
      assert.notEqual(typeof first, "number");
      assert.notEqual(typeof rest, "number");
      if (typeof first === "number" || typeof rest === "number") return;
      guest.seek(fd, first[first.length - 1]?.cursor ?? 0);
      assert.deepEqual(guest.entries(fd, 100_000), rest);
    });

    check("working directories: chdir, getcwd, relative paths, renames", (guest) => {
      assert.equal(guest.mkdir("/mnt/a"), 0);
      assert.equal(guest.mkdir("/mnt/a/b"), 0);
      assert.equal(guest.chdir("/mnt/a/b"), 0);
      assert.equal(guest.cwd(), "/mnt/a/b");
      guest.put("f", "relative");
      assert.equal(guest.get("../b/./f"), "relative");
      assert.equal(guest.rename("/mnt/a", "/mnt/z"), 0);
      assert.equal(guest.cwd(), "/mnt/z/b");
      assert.equal(guest.get("f"), "relative");
      assert.equal(guest.chdir(".."), 0);
      assert.equal(guest.cwd(), "/mnt/z");
      assert.equal(guest.chdir("../../.."), 0);
      assert.equal(guest.cwd(), "/");
      assert.equal(guest.chdir("/mnt/z/b/f"), -ENOTDIR);
      assert.equal(guest.chdir("/mnt/no"), -ENOENT);
      const fd = guest.open("/mnt/z/b", O_DIRECTORY);
      assert.equal(guest.call(50, fd), 0);
      assert.equal(guest.cwd(), "/mnt/z/b");
    });

    check("a removed working directory", (guest) => {
      assert.equal(guest.mkdir("/mnt/gone"), 0);
      assert.equal(guest.chdir("/mnt/gone"), 0);
      assert.equal(guest.rmdir("/mnt/gone"), 0);
      assert.equal(guest.cwd(), -ENOENT);
      assert.ok(guest.mkdir("x") < 0);
      assert.ok(guest.open("x", O_CREAT | O_WRONLY) < 0);
    });

    check("directories cannot be written or made by open", (guest) => {
      assert.equal(guest.open("/mnt", O_WRONLY), -EISDIR);
      assert.equal(guest.open("/mnt", O_RDWR), -EISDIR);
      assert.equal(guest.open("/mnt", O_CREAT | O_RDONLY), -EISDIR);
      assert.equal(guest.open("/mnt/.", O_CREAT | O_RDONLY), -EISDIR);
      assert.equal(guest.open("/mnt/x", O_CREAT | O_DIRECTORY | O_RDONLY), -EINVAL);
      guest.put("/mnt/f", "");
      assert.equal(guest.open("/mnt/f", O_DIRECTORY), -ENOTDIR);
      assert.equal(guest.open("/mnt/f/", O_RDONLY), -ENOTDIR);
      assert.equal(guest.open("/mnt/f/.", O_RDONLY), -ENOTDIR);
      assert.equal(guest.open("/mnt/f/..", O_RDONLY), -ENOTDIR);
    });

    check("directory descriptors are where relative paths begin", (guest) => {
      assert.equal(guest.mkdir("/mnt/d"), 0);
      guest.put("/mnt/d/f", "in d");
      const fd = guest.open("/mnt/d", O_DIRECTORY);
      assert.equal(guest.readText(guest.open("f", 0, 0, fd)), "in d");
      assert.equal(guest.readText(guest.open("/mnt/d/f", 0, 0, 999)), "in d");
      assert.equal(guest.open("f", 0, 0, 999), -EBADF);
      const file = guest.open("/mnt/d/f");
      assert.equal(guest.open("f", 0, 0, file), -ENOTDIR);
      assert.equal(guest.open("", 0, 0, fd), -ENOENT);
    });
  });

  describe(`${name}: links`, () => {
    check("symlinks are followed, in the middle and at the end", (guest) => {
      assert.equal(guest.mkdir("/mnt/d"), 0);
      guest.put("/mnt/d/f", "target");
      assert.equal(guest.symlink("d", "/mnt/to-d"), 0);
      assert.equal(guest.symlink("d/f", "/mnt/to-f"), 0);
      assert.equal(guest.symlink("/mnt/d/f", "/mnt/absolute"), 0);
      assert.equal(guest.symlink("../to-f", "/mnt/d/up"), 0);
      for (const path of ["/mnt/to-d/f", "/mnt/to-f", "/mnt/absolute", "/mnt/d/up", "/mnt/to-d/up"]) {
        assert.equal(guest.get(path), "target", path);
      }
      assert.equal(guest.readlink("/mnt/to-f"), "d/f");
      const status = statOf(guest.lstat("/mnt/to-f"));
      assert.equal(status.mode & S_IFLNK, S_IFLNK);
      assert.equal(status.size, 3);
      assert.equal(statOf(guest.stat("/mnt/to-f")).mode & S_IFREG, S_IFREG);
      assert.equal(statOf(guest.lstat("/mnt/to-d/")).mode & S_IFDIR, S_IFDIR);
      assert.equal(guest.stat("/mnt/to-f/"), -ENOTDIR);
      assert.equal(guest.readlink("/mnt/d"), -EINVAL);
      assert.equal(guest.readlink("/mnt/no"), -ENOENT);
      assert.equal(guest.symlink("x", "/mnt/to-f"), -EEXIST);
      assert.equal(guest.symlink("", "/mnt/empty"), -ENOENT);
      assert.equal(guest.symlink("x", "/mnt/new/"), -ENOENT);
    });

    check("loops and dangling links", (guest) => {
      assert.equal(guest.symlink("b", "/mnt/a"), 0);
      assert.equal(guest.symlink("a", "/mnt/b"), 0);
      assert.equal(guest.open("/mnt/a"), -ELOOP);
      assert.equal(guest.open("/mnt/a/x"), -ELOOP);
      assert.equal(guest.open("/mnt/a", O_CREAT | O_WRONLY), -ELOOP);
      assert.equal(guest.symlink("here", "/mnt/dangling"), 0);
      assert.equal(guest.stat("/mnt/dangling"), -ENOENT);
      assert.equal(guest.open("/mnt/dangling", O_CREAT | O_EXCL | O_WRONLY), -EEXIST);
      assert.equal(guest.mkdir("/mnt/dangling"), -EEXIST);
      guest.put("/mnt/dangling", "made through the link");
      assert.equal(guest.get("/mnt/here"), "made through the link");
      for (let k = 0; k < 40; k++) assert.equal(guest.symlink(k === 0 ? "here" : `l${k - 1}`, `/mnt/l${k}`), 0);
      assert.equal(guest.get("/mnt/l39"), "made through the link");
      assert.equal(guest.symlink("l39", "/mnt/l40"), 0);
      assert.equal(guest.open("/mnt/l40"), -ELOOP);
    });

    check("O_NOFOLLOW", (guest) => {
      guest.put("/mnt/f", "");
      assert.equal(guest.symlink("f", "/mnt/l"), 0);
      assert.equal(guest.open("/mnt/l", O_NOFOLLOW), -ELOOP);
      assert.equal(guest.open("/mnt/l", O_NOFOLLOW | O_DIRECTORY), -ENOTDIR);
      assert.equal(guest.open("/mnt/l", O_NOFOLLOW | O_CREAT | O_WRONLY), -ELOOP);
      const fd = guest.open("/mnt/l", O_NOFOLLOW | O_PATH);
      assert.equal(statOf(guest.fstat(fd)).mode & S_IFLNK, S_IFLNK);
      assert.ok(guest.open("/mnt/f", O_NOFOLLOW) >= 0);
    });

    check("hard links share the file", (guest) => {
      guest.put("/mnt/a", "shared");
      assert.equal(guest.link("/mnt/a", "/mnt/b"), 0);
      const first = statOf(guest.stat("/mnt/a"));
      assert.equal(first.links, 2);
      assert.equal(statOf(guest.stat("/mnt/b")).inode, first.inode);
      const fd = guest.open("/mnt/b", O_WRONLY);
      assert.equal(guest.write(fd, "S"), 1);
      assert.equal(guest.get("/mnt/a"), "Shared");
      assert.equal(guest.link("/mnt/a", "/mnt/b"), -EEXIST);
      assert.equal(guest.link("/mnt/no", "/mnt/c"), -ENOENT);
      assert.equal(guest.link("/mnt", "/mnt/c"), -EPERM);
      assert.equal(guest.mkdir("/mnt/d"), 0);
      assert.equal(guest.link("/mnt/d", "/mnt/c"), -EPERM);
      assert.equal(guest.link("/mnt/a", "/c"), -EXDEV);
      assert.equal(guest.unlink("/mnt/a"), 0);
      assert.equal(guest.get("/mnt/b"), "Shared");
      assert.equal(statOf(guest.stat("/mnt/b")).links, 1);
      assert.equal(guest.symlink("b", "/mnt/l"), 0);
      assert.equal(guest.link("/mnt/l", "/mnt/l2"), 0);
      assert.equal(guest.readlink("/mnt/l2"), "b");
      assert.equal(guest.link("/mnt/l", "/mnt/followed", 0x400), 0);
      assert.equal(guest.get("/mnt/followed"), "Shared");
    });

    check("unlink wants the right kind of name", (guest) => {
      guest.put("/mnt/f", "");
      assert.equal(guest.unlink("/mnt/f/"), -ENOTDIR);
      assert.equal(guest.unlink("/mnt/no"), -ENOENT);
      assert.equal(guest.unlink("/mnt/f/x"), -ENOTDIR);
      assert.equal(guest.unlink("/mnt/."), -EISDIR);
      assert.equal(guest.mkdir("/mnt/d"), 0);
      assert.equal(guest.symlink("d", "/mnt/l"), 0);
      assert.equal(guest.rmdir("/mnt/l"), -ENOTDIR);
      assert.equal(guest.unlink("/mnt/l"), 0);
      assert.equal(guest.unlink("/mnt/f"), 0);
      assert.deepEqual(guest.list("/mnt"), ["d"]);
    });
  });

  describe(`${name}: rename`, () => {
    check("moves and replaces", (guest) => {
      guest.put("/mnt/a", "from a");
      guest.put("/mnt/b", "from b");
      const held = guest.open("/mnt/b");
      assert.equal(guest.rename("/mnt/a", "/mnt/b"), 0);
      assert.equal(guest.get("/mnt/b"), "from a");
      assert.equal(guest.open("/mnt/a"), -ENOENT);
      assert.equal(guest.readText(held), "from b");
      assert.equal(guest.mkdir("/mnt/d"), 0);
      assert.equal(guest.rename("/mnt/b", "/mnt/d/c"), 0);
      assert.equal(guest.get("/mnt/d/c"), "from a");
      assert.equal(guest.rename("/mnt/no", "/mnt/x"), -ENOENT);
      assert.equal(guest.rename("/mnt/d/c", "/mnt/no/x"), -ENOENT);
      assert.equal(guest.rename("/mnt/d/c", "/mnt/d/c"), 0);
    });

    check("two names of one file stay two names", (guest) => {
      guest.put("/mnt/a", "x");
      assert.equal(guest.link("/mnt/a", "/mnt/b"), 0);
      assert.equal(guest.rename("/mnt/a", "/mnt/b"), 0);
      assert.deepEqual(guest.list("/mnt"), ["a", "b"]);
    });

    check("directories", (guest) => {
      assert.equal(guest.mkdir("/mnt/a"), 0);
      assert.equal(guest.mkdir("/mnt/a/sub"), 0);
      assert.equal(guest.mkdir("/mnt/empty"), 0);
      assert.equal(guest.mkdir("/mnt/full"), 0);
      guest.put("/mnt/full/f", "");
      guest.put("/mnt/file", "");
      assert.equal(guest.rename("/mnt/a", "/mnt/full"), -ENOTEMPTY);
      assert.equal(guest.rename("/mnt/a", "/mnt/file"), -ENOTDIR);
      assert.equal(guest.rename("/mnt/file", "/mnt/empty"), -EISDIR);
      assert.equal(guest.rename("/mnt/a", "/mnt/a/sub/x"), -EINVAL);
      assert.equal(guest.rename("/mnt/a", "/mnt/a/x"), -EINVAL);
      assert.equal(guest.rename("/mnt/a/sub", "/mnt/a"), -ENOTEMPTY);
      assert.equal(guest.rename("/mnt/a/.", "/mnt/x"), -EBUSY);
      assert.equal(guest.rename("/mnt/a/..", "/mnt/x"), -EBUSY);
      assert.equal(guest.rename("/mnt/a", "/mnt/full/.."), -EBUSY);
      assert.equal(guest.rename("/mnt/a", "/mnt/empty"), 0);
      assert.deepEqual(guest.list("/mnt/empty"), ["sub"]);
      assert.equal(guest.rename("/mnt/empty", "/mnt/moved/"), 0);
      assert.equal(guest.rename("/mnt/file", "/mnt/other/"), -ENOTDIR);
      assert.equal(guest.rename("/mnt/file/", "/mnt/other"), -ENOTDIR);
      assert.equal(guest.rename("/mnt/moved/sub", "/mnt/full/sub"), 0);
      if (statOf(guest.stat("/mnt/moved")).links === 2) assert.equal(statOf(guest.stat("/mnt/full")).links, 3);
    });

    check("flags, and other mounts", (guest) => {
      guest.put("/mnt/a", "A");
      guest.put("/mnt/b", "B");
      assert.equal(guest.rename("/mnt/a", "/mnt/b", RENAME_NOREPLACE), -EEXIST);
      assert.equal(guest.rename("/mnt/a", "/mnt/c", RENAME_NOREPLACE), 0);
      assert.equal(guest.get("/mnt/c"), "A");
      assert.equal(guest.mkdir("/mnt/d"), 0);
      assert.equal(guest.rename("/mnt/d", "/mnt/e", RENAME_NOREPLACE), 0);
      assert.equal(guest.rename("/mnt/c", "/mnt/b", 3), -EINVAL);
      assert.equal(guest.rename("/mnt/c", "/mnt/b", 8), -EINVAL);
      assert.equal(guest.rename("/mnt/b", "/b"), -EXDEV);
      assert.equal(guest.rename("/mnt", "/other"), -EBUSY);
      assert.equal(guest.rmdir("/mnt"), -EBUSY);
    });
  });

  describe(`${name}: attributes`, () => {
    check("chmod", (guest) => {
      guest.put("/mnt/f", "", 0o644);
      assert.equal(guest.call(53, -100, guest.path("/mnt/f"), 0o751), 0);
      assert.equal(statOf(guest.stat("/mnt/f")).mode, S_IFREG | 0o751);
      const fd = guest.open("/mnt/f");
      assert.equal(guest.call(52, fd, 0o600), 0);
      assert.equal(statOf(guest.fstat(fd)).mode, S_IFREG | 0o600);
      assert.equal(guest.symlink("f", "/mnt/l"), 0);
      assert.equal(guest.call(53, -100, guest.path("/mnt/l"), 0o640), 0);
      assert.equal(statOf(guest.stat("/mnt/f")).mode, S_IFREG | 0o640);
      assert.equal(guest.mkdir("/mnt/d"), 0);
      assert.equal(guest.call(53, -100, guest.path("/mnt/d"), 0o500), 0);
      assert.equal(statOf(guest.stat("/mnt/d")).mode, S_IFDIR | 0o500);
    });

    check("utimensat, by path, by descriptor, and of a symlink", (guest) => {
      guest.put("/mnt/f", "");
      const times = 0x6000;
      const set = (accessed: number, modified: number, nanoseconds = 0): void => {
        guest.memory.writeInt64(times, accessed);
        guest.memory.writeInt64(times + 8, nanoseconds);
        guest.memory.writeInt64(times + 16, modified);
        guest.memory.writeInt64(times + 24, nanoseconds);
      };
      set(1_000_000, 2_000_000, 500_000_000);
      assert.equal(guest.call(88, -100, guest.path("/mnt/f"), times, 0), 0);
      let status = statOf(guest.stat("/mnt/f"));
      assert.equal(status.accessed, 1_000_000_500);
      assert.equal(status.modified, 2_000_000_500);
      const fd = guest.open("/mnt/f");
      set(3, 4);
      assert.equal(guest.call(88, fd, 0, times, 0), 0);
      status = statOf(guest.fstat(fd));
      assert.equal(status.accessed, 3000);
      assert.equal(status.modified, 4000);
      // UTIME_OMIT for the first.
      guest.memory.writeInt64(times + 8, 0x3ffffffe);
      guest.memory.writeInt64(times + 16, 99);
      assert.equal(guest.call(88, -100, guest.path("/mnt/f"), times, 0), 0);
      status = statOf(guest.stat("/mnt/f"));
      assert.equal(status.accessed, 3000);
      assert.equal(status.modified, 99_000);
      assert.equal(guest.symlink("f", "/mnt/l"), 0);
      set(7, 8);
      assert.equal(guest.call(88, -100, guest.path("/mnt/l"), times, 0x100), 0);
      assert.equal(statOf(guest.lstat("/mnt/l")).modified, 8000);
      assert.equal(statOf(guest.stat("/mnt/f")).modified, 99_000);
      set(0, 0, 1_000_000_000);
      assert.equal(guest.call(88, -100, guest.path("/mnt/f"), times, 0), -EINVAL);
    });

    check("chown to the owner that it has", (guest) => {
      guest.put("/mnt/f", "");
      assert.equal(guest.call(54, -100, guest.path("/mnt/f"), 0, 0, 0), 0);
      assert.equal(guest.call(54, -100, guest.path("/mnt/f"), -1, -1, 0), 0);
    });

    check("statfs tells of a file system with names of 255 bytes", (guest) => {
      assert.equal(guest.call(43, guest.path("/mnt"), 0x6000), 0);
      assert.equal(guest.memory.readInt64(0x6000 + 64), 255);
      assert.ok(guest.memory.readInt64(0x6000 + 16) > 0);
    });

    check("the empty path with AT_EMPTY_PATH means the descriptor", (guest) => {
      guest.put("/mnt/f", "12345");
      const fd = guest.open("/mnt/f");
      assert.equal(guest.call(79, fd, guest.path(""), 0x8000, 0x1000), 0);
      assert.equal(guest.memory.readInt64(0x8000 + 48), 5);
      assert.equal(guest.call(79, fd, guest.path(""), 0x8000, 0), -ENOENT);
      assert.equal(guest.call(291, fd, guest.path(""), 0x1000, 0x7ff, 0x8000), 0);
      assert.equal(guest.memory.readInt64(0x8000 + 40), 5);
      assert.equal(guest.call(88, 77, guest.path(""), 0, 0x1000), -EBADF);
    });
  });

  check(`${name}: a mount inside of it is kept from harm`, (guest) => {
    assert.equal(guest.mkdir("/mnt/over"), 0);
    guest.put("/mnt/over/hidden", "");
    const inner = make({ after: () => {} } as unknown as TestContext, guest);
    assert.equal(guest.mounts.mount("/mnt/over", inner), 0);
    assert.deepEqual(guest.list("/mnt/over"), []);
    guest.put("/mnt/over/f", "on top");
    assert.equal(guest.rename("/mnt/over", "/mnt/elsewhere"), -EBUSY);
    assert.equal(guest.rmdir("/mnt/over"), -EBUSY);
    assert.equal(guest.rename("/mnt/over/f", "/mnt/f"), -EXDEV);
    assert.equal(guest.chdir("/mnt/over"), 0);
    assert.equal(guest.chdir(".."), 0);
    assert.equal(guest.cwd(), "/mnt");
    assert.equal(guest.mounts.unmount("/mnt"), -EBUSY);
    assert.equal(guest.mounts.unmount("/mnt/over"), 0);
    assert.deepEqual(guest.list("/mnt/over"), ["hidden"]);
  });
}
