import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EEXIST, EINVAL, ENOENT, ENOSPC, ENOTDIR, ENXIO, EOPNOTSUPP } from "../../../abi/errno.ts";
import { O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, RENAME_EXCHANGE } from "../../../abi/file.ts";
import { BUFFER_BYTES, Guest, type GuestStat } from "../guest.fixture.ts";
import { CHUNK_BYTES, ChunkedBytes, MemoryBudget } from "./chunked-bytes.ts";
import { MemFs } from "./memfs.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

function limited(maximumBytes: number, maximumInodes = 100): { guest: Guest; fileSystem: MemFs } {
  const clock = new Guest().clock;
  const fileSystem = new MemFs({ clock, maximumBytes, maximumInodes });
  return { guest: new Guest(fileSystem), fileSystem };
}

describe("memfs: limits", () => {
  test("a full file system says ENOSPC after what still fitted, and has room again when something goes", () => {
    const { guest, fileSystem } = limited(4 * CHUNK_BYTES);
    const fd = guest.open("/f", O_CREAT | O_WRONLY);
    const block = new Uint8Array(BUFFER_BYTES).fill(1);
    let written = 0;
    for (;;) {
      const count = guest.write(fd, block);
      if (count < 0) {
        assert.equal(count, -ENOSPC);
        break;
      }
      written += count;
      assert.ok(written <= 4 * CHUNK_BYTES);
    }
    assert.equal(written, 4 * CHUNK_BYTES);
    assert.equal((guest.fstat(fd) as GuestStat).size, written);
    guest.close(guest.open("/g", O_CREAT | O_WRONLY));
    const other = guest.open("/g", O_WRONLY);
    assert.equal(guest.write(other, "x"), -ENOSPC);
    assert.equal(guest.symlink("target", "/l"), -ENOSPC);
    assert.equal(guest.truncate("/f", 1), 0);
    assert.equal(guest.write(other, "x"), 1);
    guest.close(fd);
    guest.close(other);
    assert.equal(guest.unlink("/f"), 0);
    assert.equal(guest.unlink("/g"), 0);
    assert.equal(fileSystem.budget.usedBytes, 0);
    assert.equal(fileSystem.budget.usedInodes, 1);
  });

  test("data of an unlinked file counts until its last descriptor is closed", () => {
    const { guest, fileSystem } = limited(10 * CHUNK_BYTES);
    guest.put("/f", new Uint8Array(2 * CHUNK_BYTES));
    const fd = guest.open("/f");
    assert.equal(guest.link("/f", "/g"), 0);
    assert.equal(guest.unlink("/f"), 0);
    assert.equal(guest.unlink("/g"), 0);
    assert.equal(fileSystem.budget.usedBytes, 2 * CHUNK_BYTES);
    guest.close(fd);
    assert.equal(fileSystem.budget.usedBytes, 0);
  });

  test("names are counted: files, directories, symlinks and hard links", () => {
    const { guest, fileSystem } = limited(1 << 20, 10);
    assert.equal(guest.mkdir("/d"), 0);
    assert.equal(guest.symlink("x", "/l"), 0);
    guest.put("/f", "");
    for (let k = 0; k < 6; k++) assert.equal(guest.link("/f", `/d/${k}`), 0);
    assert.equal(guest.link("/f", "/d/more"), -ENOSPC);
    assert.equal(guest.mkdir("/e"), -ENOSPC);
    assert.equal(guest.symlink("x", "/m"), -ENOSPC);
    assert.equal(guest.open("/g", O_CREAT | O_WRONLY), -ENOSPC);
    assert.equal(fileSystem.statistics().freeFiles, 0);
    // Replacing needs no further name.
    assert.equal(guest.rename("/f", "/d/0"), 0);
    assert.equal(guest.unlink("/d/1"), 0);
    assert.equal(guest.mkdir("/e"), 0);
  });

  test("a refused symlink gives its bytes back", () => {
    const { guest, fileSystem } = limited(1 << 20, 3);
    assert.equal(guest.symlink("12345", "/a"), 0);
    assert.equal(guest.symlink("12345", "/a"), -EEXIST);
    assert.equal(guest.symlink("12345", "/b"), 0);
    assert.equal(guest.symlink("12345", "/c"), -ENOSPC);
    assert.equal(fileSystem.budget.usedBytes, 10);
    guest.unlink("/a");
    guest.unlink("/b");
    assert.equal(fileSystem.budget.usedBytes, 0);
  });

  test("a hole costs nothing, however far it reaches", () => {
    const { guest, fileSystem } = limited(4 * CHUNK_BYTES);
    const fd = guest.open("/f", O_CREAT | O_RDWR);
    const far = Number.MAX_SAFE_INTEGER - 10;
    assert.equal(guest.call(46, fd, far), 0);
    assert.equal(fileSystem.budget.usedBytes, 0);
    assert.equal(guest.writeAt(fd, "far", far - 3), 3);
    assert.ok(fileSystem.budget.usedBytes <= CHUNK_BYTES);
    assert.equal((guest.fstat(fd) as GuestStat).blocks, CHUNK_BYTES / 512);
    assert.equal(guest.writeAt(fd, "0123456789abc", far), -27);
    assert.equal(guest.call(46, fd, 0), 0);
    assert.equal(fileSystem.budget.usedBytes, 0);
  });

  test("SEEK_DATA and SEEK_HOLE", () => {
    const { guest } = limited(100 * CHUNK_BYTES);
    const fd = guest.open("/f", O_CREAT | O_RDWR);
    assert.equal(guest.writeAt(fd, "a", 2 * CHUNK_BYTES + 5), 1);
    assert.equal(guest.call(46, fd, 5 * CHUNK_BYTES), 0);
    assert.equal(guest.seek(fd, 0, SEEK_DATA), 2 * CHUNK_BYTES);
    assert.equal(guest.seek(fd, 0, SEEK_HOLE), 0);
    assert.equal(guest.seek(fd, 2 * CHUNK_BYTES + 1, SEEK_HOLE), 3 * CHUNK_BYTES);
    assert.equal(guest.seek(fd, 2 * CHUNK_BYTES + 1, SEEK_DATA), 2 * CHUNK_BYTES + 1);
    assert.equal(guest.seek(fd, 4 * CHUNK_BYTES, SEEK_DATA), -ENXIO);
    assert.equal(guest.seek(fd, 5 * CHUNK_BYTES, SEEK_HOLE), -ENXIO);
  });

  test("fallocate takes the room at once, or not at all", () => {
    const { guest, fileSystem } = limited(4 * CHUNK_BYTES);
    const fd = guest.open("/f", O_CREAT | O_RDWR | O_TRUNC);
    assert.equal(guest.call(47, fd, 0, 0, 2 * CHUNK_BYTES), 0);
    assert.equal((guest.fstat(fd) as GuestStat).size, 2 * CHUNK_BYTES);
    assert.equal(fileSystem.budget.usedBytes, 2 * CHUNK_BYTES);
    assert.equal(guest.call(47, fd, 1, 2 * CHUNK_BYTES, CHUNK_BYTES), 0);
    assert.equal((guest.fstat(fd) as GuestStat).size, 2 * CHUNK_BYTES);
    assert.equal(guest.call(47, fd, 0, 0, 2 ** 50), -ENOSPC);
    assert.ok(fileSystem.budget.usedBytes <= 4 * CHUNK_BYTES);
    assert.equal(guest.call(47, fd, 0, 0, 0), -EINVAL);
    assert.equal(guest.call(47, fd, 2, 0, 1), -EOPNOTSUPP);
  });

  test("RENAME_EXCHANGE swaps two names of any kind", () => {
    const { guest } = limited(1 << 20);
    guest.put("/f", "a file");
    assert.equal(guest.mkdir("/d"), 0);
    assert.equal(guest.mkdir("/d/e"), 0);
    assert.equal(guest.chdir("/d/e"), 0);
    assert.equal(guest.rename("/f", "/d", RENAME_EXCHANGE), 0);
    assert.equal(guest.get("/d"), "a file");
    assert.equal(guest.cwd(), "/f/e");
    assert.equal(guest.rename("/f", "/no", RENAME_EXCHANGE), -ENOENT);
    assert.equal(guest.rename("/f", "/f/e", RENAME_EXCHANGE), -EINVAL);
    assert.equal(guest.rename("/f/e", "/f", RENAME_EXCHANGE), -EINVAL);
    assert.equal(guest.rename("/f", "/d/", RENAME_EXCHANGE), -ENOTDIR);
    assert.equal((guest.stat("/") as GuestStat).links, 3);
  });
});

test("chunks hold what a plain array would", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), at: fc.nat(3 * CHUNK_BYTES), length: fc.nat(CHUNK_BYTES + 10) }),
    fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(3 * CHUNK_BYTES), length: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const budget = new MemoryBudget(Number.POSITIVE_INFINITY, 1);
      const bytes = new ChunkedBytes(budget);
      let model = new Uint8Array(0);
      const resize = (size: number): void => {
        const next = new Uint8Array(size);
        next.set(model.subarray(0, size));
        model = next;
      };
      for (const [k, { kind, at, length }] of steps.entries()) {
        if (kind === "truncate") {
          bytes.truncate(at);
          resize(at);
        } else if (length > 0) {
          const contents = new Uint8Array(length).fill(k + 1);
          assert.equal(bytes.write(contents, 0, length, at), length);
          if (at + length > model.length) resize(at + length);
          model.set(contents, at);
        }
        assert.equal(bytes.size, model.length);
        const copy = new Uint8Array(model.length + 5).fill(255);
        assert.equal(bytes.read(copy, 0, copy.length, 0), model.length);
        assert.ok(Buffer.compare(copy.subarray(0, model.length), model) === 0);
        const from = at >> 1;
        const part = new Uint8Array(1000);
        const count = bytes.read(part, 3, 900, from);
        assert.equal(count, Math.max(0, Math.min(900, model.length - from)));
        assert.ok(Buffer.compare(part.subarray(3, 3 + count), model.subarray(from, from + count)) === 0);
        assert.equal(budget.usedBytes, bytes.allocatedBytes);
      }
      bytes.clear();
      assert.equal(budget.usedBytes, 0);
    }),
    { numRuns: 40 },
  );
});
