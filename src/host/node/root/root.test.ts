/** Folders and archives as root file systems: what of them shows, and what hostile ones cannot do. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { EACCES, ENOENT, ENOSPC } from "../../../abi/errno.ts";
import { O_APPEND, O_RDWR, O_WRONLY, S_IFBLK, S_IFIFO, S_IFMT } from "../../../abi/file.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { Guest, type GuestStat } from "../../../kernel/vfs/guest.fixture.ts";
import type { MemFs } from "../../../kernel/vfs/memfs/memfs.ts";
import { dockerImage, file, folder, link, ociImage, symlink, type TestEntry, tar } from "./archives.fixture.ts";
import { openRoot, type RootOptions } from "./root.ts";

const place = fs.mkdtempSync(join(tmpdir(), "akuma-root-"));
after(() => fs.rmSync(place, { recursive: true }));
let files = 0;

/** Writes it to a file of its own, or gives a path as it is. */
function stored(archive: Uint8Array | string): string {
  if (typeof archive === "string") return archive;
  const path = join(place, `archive${files++}`);
  fs.writeFileSync(path, archive);
  return path;
}

async function boot(archives: readonly (Uint8Array | string)[], options: Partial<RootOptions> = {}): Promise<Guest> {
  const root = await openRoot(archives.map(stored), { clock: new VirtualClock(), maximumBytes: 1 << 24, ...options });
  after(() => root.close());
  return new Guest(root.fileSystem as MemFs);
}

const refused = (archive: Uint8Array, message: RegExp, options: Partial<RootOptions> = {}): Promise<void> =>
  assert.rejects(boot([archive], options), { name: "ArchiveError", message });

const base: TestEntry[] = [
  { ...folder("./"), mode: 0o711 },
  folder("etc/"),
  file("etc/passwd", "root\n", { mode: 0o640, userId: 3, groupId: 42, modifiedSeconds: 1_234_567_890 }),
  file("bin/su", "binary", { mode: 0o4755 }),
  symlink("sbin", "bin"),
  link("bin/also-su", "bin/su"),
  { name: "run/pipe", type: "FIFO", mode: 0o600 },
  { name: "dev/sda", type: "BlockDevice", device: [8, 1], mode: 0o660 },
  file("empty"),
];

function check(guest: Guest): void {
  assert.deepEqual(guest.list("/"), ["bin", "dev", "empty", "etc", "run", "sbin"]);
  assert.equal(guest.get("/etc/passwd"), "root\n");
  const passwd = guest.stat("/etc/passwd") as GuestStat;
  assert.equal(passwd.mode, 0o100640);
  assert.equal(passwd.modified, 1_234_567_890_000);
  guest.call(79, -100, guest.path("/etc/passwd"), 0x9000, 0);
  assert.deepEqual([guest.memory.readUint32(0x9018), guest.memory.readUint32(0x901c)], [3, 42]);
  assert.equal((guest.stat("/") as GuestStat).mode & 0o7777, 0o711);
  const su = guest.stat("/sbin/also-su") as GuestStat;
  assert.equal(su.mode, 0o104755);
  assert.equal(su.links, 2);
  assert.equal(su.inode, (guest.stat("/bin/su") as GuestStat).inode);
  assert.equal((guest.stat("/run/pipe") as GuestStat).mode & S_IFMT, S_IFIFO);
  assert.equal((guest.stat("/dev/sda") as GuestStat).mode & S_IFMT, S_IFBLK);
  assert.equal(guest.open("/dev/sda"), -EACCES);
  assert.equal(guest.get("/empty"), "");
}

describe("one archive", () => {
  test("shows what is in it, compressed or not", async () => {
    const archive = tar(...base);
    check(await boot([archive]));
    check(await boot([gzipSync(archive)]));
    // Members and frames one behind the other, as tools write them that work in parallel.
    const [first, second] = [archive.subarray(0, 1000), archive.subarray(1000)];
    check(await boot([Buffer.concat([gzipSync(first), gzipSync(second)])]));
  });

  test("zstd, in one frame or several, with frames between them that are to be skipped", {
    skip: typeof zstdCompressSync !== "function" && "this Node has no zstd",
  }, async () => {
    const noise = new Uint8Array(1_200_000).map((_, k) => (k * k) >> 7);
    const archive = tar(...base, file("big", noise));
    const parts = [archive.subarray(0, 1000), archive.subarray(1000, 700_000), archive.subarray(700_000)];
    const skipped = Buffer.from("5a2a4d18040000006162630a", "hex");
    const frames = parts.flatMap((part) => [skipped, zstdCompressSync(part)]);
    for (const form of [zstdCompressSync(archive), Buffer.concat(frames), Buffer.concat([...frames, skipped])]) {
      const guest = await boot([form]);
      assert.deepEqual(guest.readAt(guest.open("/big"), 100_000, 1_100_000), noise.subarray(1_100_000));
      assert.equal(guest.get("/etc/passwd"), "root\n");
    }
    await refused(Buffer.concat(frames).subarray(0, -20), /cannot be decompressed/);
    await refused(Buffer.concat([...frames, Buffer.from("garbage")]), /cannot be decompressed/);
  });

  test("its files can be changed and removed, and the archive stays", async () => {
    const big = new Uint8Array(200_000).map((_, k) => k >> 8);
    const archive = tar(...base, file("big", big));
    for (const form of [archive, gzipSync(archive)]) {
      const path = stored(form);
      const guest = await boot([path]);
      const fd = guest.open("/big", O_RDWR);
      assert.equal(guest.writeAt(fd, "changed", 100_000), 7);
      const bytes = guest.readAt(fd, 200_000, 0) as Uint8Array;
      big.set(new TextEncoder().encode("changed"), 100_000);
      assert.deepEqual(bytes, big);
      const append = guest.open("/etc/passwd", O_WRONLY | O_APPEND);
      assert.equal(guest.write(append, "more\n"), 5);
      assert.equal(guest.get("/etc/passwd"), "root\nmore\n");
      assert.equal(guest.unlink("/bin/su"), 0);
      assert.equal(guest.get("/bin/also-su"), "binary");
      assert.equal(guest.rename("/etc", "/bin/etc"), 0);
      assert.ok(fs.readFileSync(path).equals(form));
      big.set(
        [...Array(7).keys()].map((k) => (100_000 + k) >> 8),
        100_000,
      );
    }
  });

  test("long names of both kinds, and names that begin with a slash", async () => {
    const long = `deep/${"n".repeat(120)}/${"m".repeat(200)}`;
    for (const kind of ["pax", "gnu"] as const) {
      const target = `${"t".repeat(300)}`;
      const guest = await boot([
        tar(
          file(long, "found", { long: kind }),
          { ...symlink("l", target), long: kind },
          file("/absolute", "inside"),
          file("après", "é"),
        ),
      ]);
      assert.equal(guest.get(`/${long}`), "found");
      assert.equal(guest.readlink("/l"), target);
      assert.equal(guest.get("/absolute"), "inside");
      assert.equal(guest.get("/après"), "é");
    }
  });

  test("what tar of this machine writes comes back as it was", {
    skip: spawnSync("tar", ["--version"]).error !== undefined,
  }, async () => {
    const source = fs.mkdtempSync(join(place, "source-"));
    fs.mkdirSync(join(source, "a", "b".repeat(90)), { recursive: true });
    fs.writeFileSync(join(source, "a", "b".repeat(90), "file"), "contents", { mode: 0o750 });
    fs.symlinkSync("../a", join(source, "a", "link"));
    fs.linkSync(join(source, "a", "b".repeat(90), "file"), join(source, "other"));
    for (const format of ["gnu", "pax", "ustar"]) {
      const path = join(place, `${format}.tar`);
      execFileSync("tar", ["-C", source, `--format=${format}`, "-cf", path, "."]);
      const guest = await boot([path]);
      assert.equal(guest.get(`/a/link/${"b".repeat(90)}/file`), "contents");
      assert.equal((guest.stat("/other") as GuestStat).links, 2);
      assert.equal((guest.stat("/other") as GuestStat).mode & 0o777, 0o750);
    }
  });
});

describe("layers", () => {
  test("whiteouts and opaque directories take away what lies below, wherever they stand in their archive", async () => {
    const lower = tar(
      ...base,
      file("etc/hosts", "below"),
      folder("lib/"),
      file("lib/old", "old"),
      file("lib/both", "old"),
    );
    const upper = tar(
      file("etc/.wh.passwd"),
      file("lib/new", "new"),
      file("lib/both", "new"),
      file("lib/.wh..wh..opq"),
      file(".wh.sbin"),
      file(".wh.never"),
      folder("dev/"),
      file("dev/console", ""),
      file(".wh.dev"),
      file(".wh..wh.plnk", ""),
    );
    const guest = await boot([lower, upper]);
    assert.deepEqual(guest.list("/etc"), ["hosts"]);
    assert.deepEqual(guest.list("/lib"), ["both", "new"]);
    assert.equal(guest.get("/lib/both"), "new");
    assert.deepEqual(guest.list("/dev"), ["console"]);
    assert.deepEqual(guest.list("/"), ["bin", "dev", "empty", "etc", "lib", "run"]);
  });

  test("over a folder, too, which is not written", async () => {
    const below = fs.mkdtempSync(join(place, "folder-"));
    fs.mkdirSync(join(below, "etc"));
    fs.writeFileSync(join(below, "etc", "passwd"), "host's", { mode: 0o640 });
    fs.mkdirSync(join(below, "lib"));
    fs.writeFileSync(join(below, "lib", "old"), "old");
    fs.symlinkSync("/etc/passwd", join(below, "link"));
    const upper = tar(
      file("etc/hosts", "above"),
      file("lib/.wh..wh..opq"),
      file("lib/new", "new"),
      file("etc/.wh.gone"),
    );
    const guest = await boot([below, upper]);
    assert.deepEqual(guest.list("/"), ["etc", "lib", "link"]);
    assert.deepEqual(guest.list("/etc"), ["hosts", "passwd"]);
    assert.equal(guest.get("/link"), "host's", "a link leads to what has its name in the guest");
    assert.equal((guest.stat("/etc/passwd") as GuestStat).mode & 0o777, 0o640);
    assert.deepEqual(guest.list("/lib"), ["new"]);
    guest.put("/etc/passwd", "changed");
    assert.equal(guest.rename("/etc", "/moved"), 0);
    assert.equal(guest.get("/moved/passwd"), "changed");
    assert.equal(fs.readFileSync(join(below, "etc", "passwd"), "utf8"), "host's");
    const reversed = await boot([upper, below]);
    assert.deepEqual(reversed.list("/lib"), ["new", "old"]);
    assert.equal(reversed.get("/etc/passwd"), "host's");
  });

  test("an entry goes where the links of layers below lead", async () => {
    const guest = await boot([
      tar(folder("usr/"), folder("usr/bin/"), symlink("bin", "usr/bin")),
      tar(file("bin/tool", "x")),
    ]);
    assert.equal(guest.get("/usr/bin/tool"), "x");
    assert.equal(guest.readlink("/bin"), "usr/bin");
  });

  test("a file takes a directory's place, and a directory a file's", async () => {
    const guest = await boot([tar(file("a/b/c", "x"), file("d", "y")), tar(file("a", "file"), file("d/e", "z"))]).catch(
      String,
    );
    assert.match(String(guest), /lies below what is no directory/);
    const right = await boot([
      tar(file("a/b/c", "x"), file("d", "y")),
      tar(file("a", "file"), folder("d"), file("d/e", "z")),
    ]);
    assert.equal(right.get("/a"), "file");
    assert.equal(right.get("/d/e"), "z");
  });

  test("images: docker's archives and OCI's, with layers of each kind of compression", async () => {
    const layers = [gzipSync(tar(...base)), tar(file("etc/.wh.passwd"), file("etc/new", "new"))];
    for (const image of [
      dockerImage(layers),
      gzipSync(dockerImage(layers)),
      ociImage({ amd64: [tar(file("wrong"))], arm64: layers }),
    ]) {
      const guest = await boot([image, tar(file("top", "of all"))]);
      assert.deepEqual(guest.list("/etc"), ["new"]);
      assert.equal(guest.get("/bin/su"), "binary");
      assert.equal(guest.get("/top"), "of all");
    }
    await refused(dockerImage(layers, "amd64"), /no image for linux\/arm64: get it with --platform/);
    await refused(ociImage({ amd64: layers }), /no image for linux\/arm64/);
    const plain = await boot([tar(file("manifest.json", "[1, 2]"), file("index.json", "not even JSON"))]);
    assert.deepEqual(plain.list("/"), ["index.json", "manifest.json"]);
  });
});

describe("hostile and damaged archives", () => {
  test("names and links that would lead out are refused, or lead to what is inside", async () => {
    await refused(tar(file("../escape")), /"\.\.\/escape" would lie outside of the root/);
    await refused(tar(file("a/../../b")), /would lie outside/);
    await refused(tar(link("a", "../../etc/passwd")), /would lie outside/);
    await refused(tar(link("a", "/etc/passwd")), /another name of \/etc\/passwd, which is not there/);
    await refused(tar(folder("d"), link("a", "d")), /which is not there/);
    await refused(tar(symlink("a", "/tmp"), file("a/b")), /no directory|leads nowhere/);
    await refused(tar(symlink("a", "b"), symlink("b", "a"), file("a/c")), /has no place|no directory/);
    await refused(tar(file("d/.wh...")), /is no whiteout/);
    const guest = await boot([tar(symlink("out", `../../../..${place}`), symlink("up", "../.."), folder("tmp"))]);
    assert.equal(guest.open("/out/archive0"), -ENOENT);
    assert.deepEqual(guest.list("/up"), ["out", "tmp", "up"]);
    const inside = await boot([tar(folder("tmp"), symlink("a", "/../../tmp"), file("a/b", "x"))]);
    assert.equal(inside.get("/tmp/b"), "x");
  });

  test("sizes that are not there, and archives that end early", async () => {
    await refused(tar(file("huge", "x", { size: 8 * 2 ** 30 })), /cut off/);
    await refused(tar(file("huge", "x", { size: 2 ** 52 })), /cut off/);
    const whole = tar(file("a", "x".repeat(2000)), file("b"));
    for (const length of [100, 600, 1500, 2600, whole.length - 1024 - 100]) {
      await refused(whole.subarray(0, length), /cut off|no tar/);
    }
    await refused(gzipSync(whole).subarray(0, 60), /cannot be decompressed/);
    await refused(Buffer.from("this is no archive".repeat(100)), /no tar archive/);
    await refused(Buffer.alloc(0), /is empty/);
    const damaged = Buffer.from(whole);
    damaged[512 + 2048 + 3] = 7;
    await refused(damaged, /damaged \(at byte 2560\)/);
    await refused(Buffer.from("fd377a585a000000", "hex"), /compressed with xz: decompress it first/);
    await refused(tar({ name: "s", type: "SparseFile" }), /sparse files cannot be read/);
    await refused(tar(file("a", "", { long: "pax", name: "n".repeat(5000) })), /more than 255 bytes/);
  });

  test("memory and entries are bounded", async () => {
    const bomb = gzipSync(tar(file("zeros", Buffer.alloc(20 << 20))));
    await refused(bomb, /larger than 10 MiB when it is decompressed/, { maximumArchiveBytes: 10 << 20 });
    const twice = dockerImage([bomb, bomb]);
    await refused(twice, /larger than 9 MiB/, { maximumArchiveBytes: 30 << 20 });
    await refused(tar(...Array.from({ length: 11 }, (_, k) => file(`f${k}`))), /more than 10 entries/, {
      maximumEntries: 10,
    });
    const guest = await boot([tar(...base)], { maximumBytes: 65_535 });
    const fd = guest.open("/etc/passwd", O_RDWR);
    assert.equal(guest.writeAt(fd, "x", 100_000), -ENOSPC);
  });

  test("deep paths are walked without recursion", async () => {
    const names = Array.from({ length: 1500 }, () => "d");
    const guest = await boot([tar(file(`${names.join("/")}/f`, "deep", { long: "pax" })), tar(file(".wh.d"))]);
    assert.deepEqual(guest.list("/"), []);
  });

  test("random damage gives an error or a file system, and nothing else", async () => {
    const images = [
      tar(...base),
      dockerImage([tar(...base), gzipSync(tar(...base))]),
      ociImage({ arm64: [tar(...base)] }),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...images),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (image, changes) => {
          const bytes = Buffer.from(image);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const path = stored(bytes);
          try {
            const root = await openRoot([path], { clock: new VirtualClock(), maximumBytes: 1 << 20 });
            const guest = new Guest(root.fileSystem as MemFs);
            for (const name of guest.list("/") as string[]) guest.get(`/${name}`);
            root.close();
          } catch (error) {
            assert.equal((error as Error).name, "ArchiveError", String(error));
          } finally {
            fs.rmSync(path);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

test("what is no root at all is said so, and nothing stays open", async () => {
  await assert.rejects(boot([join(place, "missing")]), { code: "ENOENT" });
  const before = fs.existsSync("/proc/self/fd") ? fs.readdirSync("/proc/self/fd").length : 0;
  for (let k = 0; k < 10; k++) await refused(tar(file("../x")), /outside/);
  await assert.rejects(boot([place, tar(file("../x"))]), /outside/);
  if (before > 0) assert.ok(fs.readdirSync("/proc/self/fd").length <= before + 1);
});
