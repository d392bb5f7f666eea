import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EBUSY, EEXIST, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EROFS } from "../../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_WRONLY } from "../../abi/file.ts";
import { Guest, type GuestStat } from "./guest.fixture.ts";
import { MemFs } from "./memfs/memfs.ts";
import { walk } from "./path-walk.ts";

describe("path walk", () => {
  test("names of up to 255 bytes and paths of up to 4095, counted in UTF-8", () => {
    const guest = new Guest();
    const name = "ä".repeat(127);
    assert.equal(guest.mkdir(`/${name}`), 0);
    assert.equal(guest.mkdir(`/${name}x`), 0);
    assert.equal(guest.mkdir(`/${name}xx`), -ENAMETOOLONG);
    assert.equal(guest.stat(`/${"😀".repeat(64)}`), -ENAMETOOLONG);
    assert.equal(guest.stat(`/${"😀".repeat(63)}`), -ENOENT);
    assert.equal(guest.open(`/${name}xx`, O_CREAT | O_WRONLY), -ENAMETOOLONG);
    assert.equal(guest.rename(`/${name}`, `/${name}xx`), -ENAMETOOLONG);
    assert.equal(typeof guest.stat(`/${"./".repeat(2047)}`), "object");
    assert.equal(guest.stat(`/${"./".repeat(2047)}.`), -ENAMETOOLONG);
    assert.equal(guest.symlink("x".repeat(4095), "/long"), 0);
    assert.equal(guest.symlink("x".repeat(4096), "/longer"), -ENAMETOOLONG);
    assert.equal(guest.stat("/long"), -ENAMETOOLONG);
  });

  test("the empty path is nothing; slashes may be many", () => {
    const guest = new Guest();
    assert.equal(guest.stat(""), -ENOENT);
    assert.equal(guest.mkdir(""), -ENOENT);
    assert.equal(guest.mkdir("//a///"), 0);
    assert.equal(guest.mkdir("//a//b"), 0);
    assert.equal((guest.stat("/a/b") as GuestStat).inode, (guest.stat("///a/////b///") as GuestStat).inode);
    assert.equal(guest.mkdir("/"), -EEXIST);
    assert.equal(guest.rmdir("/"), -EBUSY);
    assert.equal(guest.unlink("/"), -EISDIR);
    assert.equal(guest.rename("/", "/x"), -EBUSY);
  });

  test("the root is its own parent, for a process with a root of its own too", () => {
    const guest = new Guest();
    assert.equal(guest.mkdir("/jail"), 0);
    assert.equal(guest.mkdir("/jail/in"), 0);
    guest.put("/secret", "outside");
    guest.put("/jail/f", "inside");
    assert.equal(guest.symlink("/secret", "/jail/absolute"), 0);
    assert.equal(guest.symlink("../../../secret", "/jail/in/relative"), 0);
    assert.deepEqual(guest.stat("/../../.."), guest.stat("/"));
    assert.equal(guest.call(51, guest.path("/jail")), 0);
    assert.equal(guest.chdir("/"), 0);
    assert.equal(guest.cwd(), "/");
    assert.equal(guest.get("/f"), "inside");
    assert.equal(guest.get("/../../f"), "inside");
    assert.equal(guest.open("/../secret"), -ENOENT);
    assert.equal(guest.open("/absolute"), -ENOENT);
    assert.equal(guest.open("/in/relative"), -ENOENT);
  });

  test("mounts cover what is below, and are left upwards through the place they cover", () => {
    const guest = new Guest();
    assert.equal(guest.mkdir("/a"), 0);
    assert.equal(guest.mkdir("/a/m"), 0);
    guest.put("/a/m/hidden", "");
    const mount = (path: string, readOnly = false): number =>
      guest.mounts.mount(path, new MemFs({ clock: guest.clock }), { readOnly });
    assert.equal(mount("/a/m"), 0);
    assert.equal(guest.open("/a/m/hidden"), -ENOENT);
    assert.equal(guest.mkdir("/a/m/inner"), 0);
    assert.equal(mount("/a/m/inner"), 0);
    // A second mount on one place shows instead of the first.
    assert.equal(mount("/a/m/inner", true), 0);
    assert.equal(guest.mkdir("/a/m/inner/x"), -EROFS);
    assert.equal(guest.chdir("/a/m/inner"), 0);
    assert.equal(guest.cwd(), "/a/m/inner");
    assert.equal(guest.chdir("../.."), 0);
    assert.equal(guest.cwd(), "/a");
    const statuses = ["/a", "/a/m", "/a/m/inner"].map((path) => (guest.stat(path) as GuestStat).device);
    assert.equal(new Set(statuses).size, 3);
    assert.deepEqual(
      guest.mounts.list().map((entry) => entry.path),
      ["/", "/a/m", "/a/m/inner", "/a/m/inner"],
    );
    assert.equal(guest.mounts.unmount("/a/m"), -EBUSY);
    assert.equal(guest.mounts.unmount("/a/m/inner"), 0);
    assert.equal(guest.mkdir("/a/m/inner/x"), 0);
    assert.equal(guest.mounts.unmount("/a/m/inner"), 0);
    assert.equal(guest.mounts.unmount("/a/m"), 0);
    assert.equal(guest.get("/a/m/hidden"), "");
    assert.ok(guest.mounts.unmount("/a") < 0);
    assert.equal(mount("/"), -EBUSY);
    assert.equal(mount("/a/m/hidden"), -ENOTDIR);
  });

  test("a read-only mount refuses in the order that Linux does", () => {
    const guest = new Guest();
    const inner = new MemFs({ clock: guest.clock });
    const before = new Guest(inner);
    before.put("/f", "contents");
    assert.equal(before.mkdir("/d"), 0);
    assert.equal(guest.mkdir("/m"), 0);
    assert.equal(guest.mounts.mount("/m", inner, { readOnly: true }), 0);
    assert.equal(guest.get("/m/f"), "contents");
    assert.equal(guest.mkdir("/m/d"), -EEXIST);
    assert.equal(guest.mkdir("/m/new"), -EROFS);
    assert.equal(guest.unlink("/m/f"), -EROFS);
    assert.equal(guest.rmdir("/m/d"), -EROFS);
    assert.equal(guest.open("/m/f", O_WRONLY), -EROFS);
    assert.equal(guest.open("/m/d", O_WRONLY), -EISDIR);
    assert.equal(guest.call(48, -100, guest.path("/m/f"), 2), -EROFS);
    assert.equal(guest.call(48, -100, guest.path("/m/f"), 4), 0);
  });

  test("deep trees need no deep stack", () => {
    const guest = new Guest(new MemFs({ clock: new Guest().clock, maximumInodes: 100_000 }));
    for (let k = 0; k < 20_000; k++) {
      assert.equal(guest.mkdir("d"), 0);
      assert.equal(guest.chdir("d"), 0);
    }
    assert.equal(guest.cwd(), -ENAMETOOLONG);
    guest.put("f", "deep");
    assert.equal(guest.get("f"), "deep");
    for (let k = 0; k < 20_000; k++) assert.equal(guest.chdir(".."), 0);
    assert.equal(guest.cwd(), "/");
  });

  test("long chains of symlinks end with ELOOP, in time", () => {
    const guest = new Guest();
    // Each link doubles the work: 2^40 steps if nobody counted.
    assert.equal(guest.mkdir("/l0"), 0);
    for (let k = 1; k <= 40; k++) assert.equal(guest.symlink(`l${k - 1}/../l${k - 1}`, `/l${k}`), 0);
    assert.equal(guest.stat("/l40"), -ELOOP);
    assert.equal(guest.open("/l40/x", O_CREAT | O_WRONLY), -ELOOP);
    assert.equal(typeof guest.stat("/l5"), "object");
  });
});

test("without symlinks, walking is what normalising the text says", () => {
  const guest = new Guest();
  const names = ["a", "b"];
  for (const a of names) {
    guest.mkdir(`/${a}`);
    for (const b of names) {
      guest.mkdir(`/${a}/${b}`);
      for (const c of names) guest.mkdir(`/${a}/${b}/${c}`);
    }
  }
  const part = fc.constantFrom("a", "b", "..", ".", "");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
      const stack: string[] = [];
      let exists = true;
      for (const name of parts) {
        if (name === "" || name === ".") continue;
        if (name === "..") stack.pop();
        else stack.push(name);
        exists &&= stack.length <= 3;
      }
      const path = `/${parts.join("/")}`;
      const found = walk(guest.mounts.rootContext(), path);
      if (!exists) {
        assert.equal(found, -ENOENT);
        return;
      }
      assert.equal(guest.call(49, guest.path(path)), 0);
      assert.equal(guest.cwd(), `/${stack.join("/")}`);
    }),
    { numRuns: 300 },
  );
});

test("O_DIRECTORY on what is there and what is not", () => {
  const guest = new Guest();
  guest.put("/f", "");
  assert.equal(guest.open("/f", O_DIRECTORY), -ENOTDIR);
  assert.equal(guest.open("/no", O_DIRECTORY), -ENOENT);
  assert.ok(guest.open("/", O_DIRECTORY) >= 0);
});
