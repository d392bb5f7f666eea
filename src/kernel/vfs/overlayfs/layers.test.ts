/** What an overlay shows of its layers, and that they stay as they are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ENOENT, ENOSPC, ENOTEMPTY } from "../../../abi/errno.ts";
import { O_APPEND, O_DIRECTORY, O_RDWR, O_TRUNC, O_WRONLY } from "../../../abi/file.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { Guest, type GuestStat } from "../guest.fixture.ts";
import { CHUNK_BYTES } from "../memfs/chunked-bytes.ts";
import { MemFs } from "../memfs/memfs.ts";
import type { MemoryDirectory } from "../memfs/memory-directory.ts";
import { OVERLAYFS_MAGIC, OverlayFs } from "./overlayfs.ts";

const clock = new VirtualClock();

/** A layer, filled through a process that has it as its root. */
function layer(fill: (guest: Guest) => void): { fileSystem: MemFs; guest: Guest } {
  const fileSystem = new MemFs({ clock });
  const guest = new Guest(fileSystem);
  fill(guest);
  return { fileSystem, guest };
}

function over(...layers: { fileSystem: MemFs }[]): Guest {
  return new Guest(new OverlayFs({ clock, layers: layers.map(({ fileSystem }) => fileSystem) }));
}

function directory(guest: Guest, path: string): MemoryDirectory {
  let inode = guest.mounts.root().inode as MemoryDirectory;
  for (const name of path.split("/").filter(Boolean)) inode = inode.entries.get(name)?.inode as MemoryDirectory;
  return inode;
}

const base = (): { fileSystem: MemFs; guest: Guest } =>
  layer((guest) => {
    guest.mkdir("/etc");
    guest.put("/etc/passwd", "root\n", 0o640);
    guest.put("/etc/hosts", "below\n");
    guest.mkdir("/lib");
    guest.mkdir("/lib/deep");
    guest.put("/lib/deep/file", "deep");
    guest.symlink("deep/file", "/lib/link");
    guest.put("/big", new Uint8Array(3 * CHUNK_BYTES + 100).fill(7));
  });

describe("what shows", () => {
  test("layers are merged, directory by directory; the upper one's file wins", () => {
    const guest = over(
      base(),
      layer((upper) => {
        upper.mkdir("/etc");
        upper.put("/etc/hosts", "above\n");
        upper.mkdir("/lib");
        upper.put("/lib/deep", "a file now");
        upper.mkdir("/new");
      }),
    );
    assert.deepEqual(guest.list("/"), ["big", "etc", "lib", "new"]);
    assert.deepEqual(guest.list("/etc"), ["hosts", "passwd"]);
    assert.equal(guest.get("/etc/hosts"), "above\n");
    assert.equal(guest.get("/etc/passwd"), "root\n");
    assert.equal(guest.get("/lib/deep"), "a file now");
    assert.equal(guest.get("/lib/link"), -20, "the file stands where the link's target had its directory");
  });

  test("whiteouts and opaque directories hide what is below, and not what is above or beside them", () => {
    const upper = layer((guest) => {
      guest.mkdir("/etc");
      guest.put("/etc/mine", "");
      guest.mkdir("/lib");
      guest.mkdir("/lib/deep");
    });
    directory(upper.guest, "/etc").isOpaque = true;
    directory(upper.guest, "/").hiddenBelow = new Set(["big", "never-there"]);
    directory(upper.guest, "/lib").hiddenBelow = new Set(["deep"]);
    const top = layer((guest) => guest.put("/big", "small"));
    assert.deepEqual(over(base(), upper).list("/"), ["etc", "lib"]);
    const guest = over(base(), upper, top);
    assert.equal(guest.open("/never-there"), -ENOENT);
    assert.equal(guest.get("/big"), "small");
    assert.deepEqual(guest.list("/etc"), ["mine"]);
    assert.equal(guest.open("/etc/passwd"), -ENOENT);
    assert.deepEqual(guest.list("/lib"), ["deep", "link"]);
    assert.deepEqual(guest.list("/lib/deep"), [], "the whiteout hides the directory of the same name below");
  });

  test("modes, owners, times and sizes are those of the layer, and inode numbers stay", () => {
    const lower = base();
    lower.guest.call(54, -100, lower.guest.path("/etc/passwd"), 12, 34, 0);
    lower.guest.call(53, -100, lower.guest.path("/etc/passwd"), 0o4755);
    const below = lower.guest.stat("/etc/passwd") as GuestStat;
    const guest = over(lower);
    const first = guest.stat("/etc/passwd") as GuestStat;
    assert.deepEqual(
      { ...first, device: 0, inode: 0, accessed: 0 },
      { ...below, device: 0, inode: 0, accessed: 0, blocks: 8 },
    );
    const fd = guest.open("/etc", O_DIRECTORY);
    const entries = guest.entries(fd);
    assert.ok(typeof entries !== "number");
    assert.equal(entries.find(({ name }) => name === "passwd")?.inode, first.inode);
    guest.put("/etc/passwd", "longer than before");
    assert.equal(guest.rename("/etc/passwd", "/moved"), 0);
    assert.equal((guest.stat("/moved") as GuestStat).inode, first.inode);
    assert.equal((guest.stat("/etc") as GuestStat).links, 1);
    assert.equal(guest.call(43, guest.path("/"), 0x6000), 0);
    assert.equal(guest.memory.readInt64(0x6000), OVERLAYFS_MAGIC);
  });

  test("names of one file are names of one file above, too", () => {
    const lower = base();
    lower.guest.link("/etc/hosts", "/lib/hosts");
    const guest = over(lower);
    assert.equal((guest.stat("/lib/hosts") as GuestStat).links, 2);
    guest.put("/lib/hosts", "changed");
    assert.equal(guest.get("/etc/hosts"), "changed");
    assert.equal(guest.unlink("/lib/hosts"), 0);
    assert.equal((guest.stat("/etc/hosts") as GuestStat).links, 1);
    assert.equal(lower.guest.get("/etc/hosts"), "below\n");
  });
});

describe("what is changed", () => {
  test("the layers never are, and all of it shows at once", () => {
    const lower = base();
    const guest = over(lower);
    const append = guest.open("/etc/hosts", O_WRONLY | O_APPEND);
    assert.equal(guest.write(append, "more\n"), 5);
    assert.equal(guest.get("/etc/hosts"), "below\nmore\n");
    assert.equal(guest.truncate("/etc/passwd", 2), 0);
    assert.equal(guest.truncate("/etc/passwd", 4), 0);
    assert.equal(guest.get("/etc/passwd"), "ro\0\0");
    assert.equal(guest.rmdir("/lib"), -ENOTEMPTY);
    assert.equal(guest.rename("/lib", "/usr"), 0);
    assert.equal(guest.get("/usr/link"), "deep");
    assert.equal(guest.open("/lib"), -ENOENT);
    assert.equal(guest.mkdir("/lib"), 0);
    assert.deepEqual(guest.list("/lib"), [], "a new directory of an old name is empty");
    assert.equal(guest.unlink("/usr/link"), 0);
    assert.equal(guest.unlink("/usr/deep/file"), 0);
    assert.equal(guest.rmdir("/usr/deep"), 0);
    assert.deepEqual(guest.list("/usr"), []);
    assert.equal(guest.unlink("/big"), 0);
    assert.equal(guest.open("/big"), -ENOENT);
    assert.deepEqual(lower.guest.list("/"), ["big", "etc", "lib"]);
    assert.equal(lower.guest.get("/etc/hosts"), "below\n");
    assert.equal(lower.guest.get("/etc/passwd"), "root\n");
    assert.equal(lower.guest.get("/lib/link"), "deep");
  });

  test("an unlinked file of a layer lives on while it is open", () => {
    const lower = base();
    const guest = over(lower);
    const fd = guest.open("/lib/deep/file", O_RDWR);
    assert.equal(guest.unlink("/lib/deep/file"), 0);
    assert.equal(guest.readText(fd), "deep");
    assert.equal(guest.writeAt(fd, "D", 0), 1);
    assert.equal((guest.fstat(fd) as GuestStat).links, 0);
    assert.equal(new TextDecoder().decode(guest.readAt(fd, 9, 0) as Uint8Array), "Deep");
    guest.close(fd);
    assert.equal(lower.guest.get("/lib/deep/file"), "deep");
    assert.equal(lower.guest.mounts.root().mount.openFiles, 0);
  });

  test("writing costs the chunks that are written; reading and removing cost nothing", () => {
    const lower = base();
    const overlay = new OverlayFs({
      clock,
      layers: [lower.fileSystem],
      maximumBytes: 2 * CHUNK_BYTES,
      maximumInodes: 3,
    });
    const guest = new Guest(overlay);
    const fd = guest.open("/big", O_RDWR);
    assert.equal((guest.read(fd) as Uint8Array).length, 3 * CHUNK_BYTES + 100);
    assert.equal(overlay.budget.usedBytes, 0);
    assert.equal(guest.writeAt(fd, "x", CHUNK_BYTES + 5), 1);
    assert.equal(overlay.budget.usedBytes, CHUNK_BYTES);
    const bytes = guest.readAt(fd, 3, CHUNK_BYTES + 4) as Uint8Array;
    assert.deepEqual([...bytes], [7, 120, 7]);
    assert.equal(guest.writeAt(fd, "x", 0), 1);
    assert.equal(guest.writeAt(fd, "x", 3 * CHUNK_BYTES), -ENOSPC);
    guest.close(guest.open("/big", O_TRUNC | O_WRONLY));
    assert.equal(overlay.budget.usedBytes, 0);
    assert.equal(guest.mkdir("/x"), 0);
    assert.equal(guest.mkdir("/y"), 0);
    assert.equal(guest.mkdir("/z"), -ENOSPC);
    guest.list("/lib");
    assert.equal(guest.mkdir("/z"), -ENOSPC, "seeing what is there gives no room");
  });

  test("cursors hold while entries of a layer come to light", () => {
    const lower = layer((guest) => {
      for (let k = 0; k < 50; k++) guest.put(`/f${k}`, "");
    });
    const guest = over(lower);
    guest.stat("/f40");
    const fd = guest.open("/", O_DIRECTORY);
    const seen: string[] = [];
    for (;;) {
      const entries = guest.entries(fd, 300);
      if (typeof entries === "number" || entries.length === 0) break;
      for (const { name } of entries) {
        if (name.startsWith(".")) continue;
        seen.push(name);
        assert.equal(guest.unlink(`/${name}`), 0);
      }
    }
    assert.equal(new Set(seen).size, 50);
    assert.equal(seen.length, 50);
    assert.deepEqual(guest.list("/"), []);
  });
});

/** Any sequence of calls on an overlay ends as it does on a file system that held the same files from the beginning. */
test("an overlay behaves as a plain file system does", () => {
  const path = fc.constantFrom(
    "/etc",
    "/etc/hosts",
    "/etc/passwd",
    "/lib",
    "/lib/deep",
    "/lib/deep/file",
    "/lib/link",
    "/x",
  );
  const step = fc.record({
    kind: fc.constantFrom(
      "rename",
      "unlink",
      "rmdir",
      "mkdir",
      "put",
      "append",
      "link",
      "symlink",
      "truncate",
      "get",
      "list",
    ),
    from: path,
    to: path,
  });
  const run = (guest: Guest, steps: { kind: string; from: string; to: string }[]): unknown[] => {
    const act = ({ kind, from, to }: { kind: string; from: string; to: string }): unknown => {
      switch (kind) {
        case "rename":
          return guest.rename(from, to);
        case "unlink":
          return guest.unlink(from);
        case "rmdir":
          return guest.rmdir(from);
        case "mkdir":
          return guest.mkdir(from);
        case "link":
          return guest.link(from, to);
        case "symlink":
          return guest.symlink(to, from);
        case "truncate":
          return guest.truncate(from, 3);
        case "get":
          return guest.get(from);
        case "list":
          return guest.list(from);
        default: {
          const fd = guest.open(from, O_WRONLY | (kind === "append" ? O_APPEND : O_TRUNC));
          if (fd < 0) return fd;
          const count = guest.write(fd, "written");
          guest.close(fd);
          return count;
        }
      }
    };
    const results = steps.map(act);
    const all = ["/", "/etc", "/lib", "/lib/deep", "/x"].map((name) => guest.list(name));
    const texts = ["/etc/hosts", "/etc/passwd", "/lib/deep/file", "/lib/link", "/x"].map((name) => guest.get(name));
    return [results, all, texts];
  };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      assert.deepEqual(run(over(base()), steps), run(base().guest, steps));
    }),
    { numRuns: 150 },
  );
});
