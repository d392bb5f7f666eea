/** No way out of a mounted folder: symlinks, `..`, renamed directories, and names that change between two looks at them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { EACCES, EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOTDIR, ENXIO, EROFS, ESTALE } from "../../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_RDWR, O_TRUNC, O_WRONLY } from "../../abi/file.ts";
import { Guest } from "../../kernel/vfs/guest.fixture.ts";
import type { HostFiles } from "../../kernel/vfs/hostfs/host-files.ts";
import { HostFs } from "../../kernel/vfs/hostfs/hostfs.ts";
import { MemFs } from "../../kernel/vfs/memfs/memfs.ts";
import { NodeHostFiles } from "./host-files.ts";

const SECRET = "the secret outside";

interface Scene {
  /** Holds `inside`, which is mounted, and `outside`, which has a secret in it. */
  base: string;
  inside: string;
  guest: Guest;
  files: NodeHostFiles;
}

function makeScene(
  context: TestContext,
  options: { portable?: boolean; readOnly?: boolean; wrap?: (files: HostFiles) => HostFiles } = {},
): Scene {
  const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "akuma-escape-")));
  context.after(() => fs.rmSync(base, { recursive: true, force: true }));
  const inside = join(base, "inside");
  fs.mkdirSync(join(inside, "d"), { recursive: true });
  fs.writeFileSync(join(inside, "d", "f"), "harmless");
  fs.mkdirSync(join(base, "outside"));
  fs.writeFileSync(join(base, "outside", "f"), SECRET);
  const guest = new Guest();
  guest.mkdir("/mnt");
  const files = new NodeHostFiles(inside, { portable: options.portable ?? false });
  const fileSystem = new HostFs(options.wrap?.(files) ?? files, { readOnly: options.readOnly ?? false });
  assert.equal(guest.mounts.mount("/mnt", fileSystem), 0);
  return { base, inside, guest, files };
}

for (const portable of [false, true]) {
  const kind = portable ? "paths" : "descriptors";

  test(`${kind}: symlinks of the host lead into the guest's own tree`, (context) => {
    const { base, inside, guest } = makeScene(context, { portable });
    fs.symlinkSync(join(base, "outside"), join(inside, "absolute"));
    fs.symlinkSync("../outside", join(inside, "relative"));
    fs.symlinkSync("../../../../../../../../../..", join(inside, "top"));
    fs.symlinkSync("../../outside/f", join(inside, "d", "file"));
    fs.symlinkSync("/proc/self/root", join(inside, "root"));
    for (const path of [
      "absolute/f",
      "relative/f",
      `top${base}/outside/f`,
      "d/file",
      "absolute",
      `root${base}/outside/f`,
    ]) {
      assert.equal(guest.open(`/mnt/${path}`), -ENOENT, path);
      assert.equal(guest.stat(`/mnt/${path}`), -ENOENT, path);
      assert.equal(guest.chdir(`/mnt/${path}`), -ENOENT, path);
    }
    // A dangling link is made good inside the guest, not on the host.
    fs.symlinkSync(join(base, "outside", "new"), join(inside, "create"));
    assert.equal(guest.open("/mnt/create", O_CREAT | O_WRONLY), -ENOENT);
    assert.equal(fs.existsSync(join(base, "outside", "new")), false);
    guest.mkdir("/outside");
    guest.put("/outside/f", "the guest's own");
    assert.equal(guest.get("/mnt/relative/f"), "the guest's own");
  });

  test(`${kind}: .. stops where the mount begins`, (context) => {
    const { guest } = makeScene(context, { portable });
    for (const path of ["/mnt/../outside/f", "/mnt/d/../../outside/f", "/mnt/d/../../../outside/f"]) {
      assert.equal(guest.open(path), -ENOENT);
    }
    assert.equal(guest.chdir("/mnt/d"), 0);
    assert.equal(guest.open("../../outside/f"), -ENOENT);
    const fd = guest.open("/mnt/d", O_DIRECTORY);
    assert.equal(guest.open("../../outside/f", 0, 0, fd), -ENOENT);
  });

  test(`${kind}: links that the guest makes are no way out either`, (context) => {
    const { base, guest } = makeScene(context, { portable });
    assert.equal(guest.symlink(`${base}/outside`, "/mnt/l"), 0);
    assert.equal(guest.symlink("../outside", "/mnt/m"), 0);
    assert.equal(guest.open("/mnt/l/f"), -ENOENT);
    assert.equal(guest.open("/mnt/m/f"), -ENOENT);
    assert.equal(guest.truncate("/mnt/l/f", 0), -ENOENT);
    assert.equal(guest.rename("/mnt/d/f", "/mnt/m/f"), -ENOENT);
    assert.equal(fs.readFileSync(join(base, "outside", "f"), "utf8"), SECRET);
  });

  test(`${kind}: a directory that the host moves away takes nobody along`, (context) => {
    const { base, inside, guest } = makeScene(context, { portable });
    assert.equal(guest.chdir("/mnt/d"), 0);
    const fd = guest.open("/mnt/d", O_DIRECTORY);
    fs.renameSync(join(inside, "d"), join(base, "outside", "d"));
    fs.writeFileSync(join(base, "outside", "d", "later"), SECRET);
    for (const path of ["later", "../f", "../d/later", "."]) {
      const opened = guest.open(path);
      assert.ok(opened === -ESTALE || opened === -ENOENT, `${path} gave ${opened}`);
      assert.ok(guest.open(path, 0, 0, fd) < 0);
      assert.ok(guest.mkdir(`${path}/new`) < 0);
    }
    assert.equal(guest.open("/mnt/d/later"), -ENOENT);
    // Back in the folder under another name, it is found by that name.
    fs.renameSync(join(base, "outside", "d"), join(inside, "e"));
    assert.equal(guest.get("/mnt/e/later"), SECRET);
  });

  test(`${kind}: a directory that becomes a symlink between two looks`, (context) => {
    let swap: (() => void) | null = null;
    let moments: readonly PropertyKey[] = ["open", "openDirectory", "readDirectory"];
    const { base, inside, guest } = makeScene(context, {
      portable,
      wrap: (files) =>
        new Proxy(files, {
          get(target, property) {
            const value = Reflect.get(target, property, target);
            if (typeof value !== "function") return value;
            return (...args: unknown[]) => {
              // Whatever hostfs has just found out does not hold any more.
              if (moments.includes(property)) swap?.();
              return value.apply(target, args);
            };
          },
        }),
    });
    const plain = join(inside, "d");
    for (const path of ["/mnt/d/f", "/mnt/d"]) {
      swap = () => {
        if (fs.lstatSync(plain).isSymbolicLink()) return;
        fs.renameSync(plain, join(inside, "moved"));
        fs.symlinkSync("../outside", plain);
      };
      const contents = guest.get(path);
      assert.notEqual(contents, SECRET, path);
      const names = guest.list(path);
      assert.ok(typeof names === "number" || names.length <= 1);
      swap = null;
      fs.rmSync(plain);
      fs.renameSync(join(inside, "moved"), plain);
    }
    moments = ["open"];
    swap = () => {
      const file = join(inside, "d", "f");
      if (fs.lstatSync(file).isSymbolicLink()) return;
      fs.rmSync(file);
      fs.symlinkSync("../../outside/f", file);
    };
    const opened = guest.open("/mnt/d/f", O_RDWR | O_TRUNC);
    assert.ok(opened < 0);
    assert.equal(fs.readFileSync(join(base, "outside", "f"), "utf8"), SECRET);
  });

  test(`${kind}: the host's side opens no symlink`, (context) => {
    const { inside, files } = makeScene(context, { portable });
    fs.symlinkSync("../outside", join(inside, "l"));
    fs.symlinkSync("../outside/f", join(inside, "m"));
    assert.ok(files.openDirectory(files.root, "l") < 0);
    for (const write of [false, true]) {
      const opened = files.open(files.root, "m", { read: true, write, create: false, mode: 0 });
      assert.equal(opened, -ELOOP);
      assert.equal(files.open(files.root, "m", { read: true, write, create: true, mode: 0o600 }), -EEXIST);
    }
    // What was a directory when it was opened must still be it when it is used.
    const handle = files.openDirectory(files.root, "d");
    fs.renameSync(join(inside, "d"), join(inside, "e"));
    fs.symlinkSync("../outside", join(inside, "d"));
    const found = files.status(handle, "f");
    assert.ok(found === -ESTALE || (typeof found === "object" && found.size === "harmless".length));
    const opened = files.open(handle, "f", { read: true, write: false, create: false, mode: 0 });
    const bytes = new Uint8Array(100);
    assert.ok(opened === -ESTALE || files.read(opened, bytes, 0, 100, 0) === "harmless".length);
    if (opened >= 0) files.closeFile(opened);
  });

  test(`${kind}: a read-only mount changes nothing`, (context) => {
    const { inside, guest } = makeScene(context, { portable, readOnly: true });
    const before = fs.statSync(join(inside, "d", "f"));
    assert.equal(guest.open("/mnt/d/f", O_WRONLY), -EROFS);
    assert.equal(guest.open("/mnt/d/f", O_RDWR), -EROFS);
    assert.equal(guest.open("/mnt/d/f", O_TRUNC), -EROFS);
    assert.equal(guest.open("/mnt/new", O_CREAT | O_WRONLY), -EROFS);
    assert.equal(guest.mkdir("/mnt/new"), -EROFS);
    assert.equal(guest.unlink("/mnt/d/f"), -EROFS);
    assert.equal(guest.rename("/mnt/d", "/mnt/e"), -EROFS);
    assert.equal(guest.symlink("x", "/mnt/l"), -EROFS);
    assert.equal(guest.link("/mnt/d/f", "/mnt/l"), -EROFS);
    assert.equal(guest.truncate("/mnt/d/f", 0), -EROFS);
    assert.equal(guest.call(53, -100, guest.path("/mnt/d/f"), 0o777), -EROFS);
    assert.equal(guest.call(88, -100, guest.path("/mnt/d/f"), 0, 0), -EROFS);
    const fd = guest.open("/mnt/d/f");
    assert.equal(guest.call(52, fd, 0o777), -EROFS);
    assert.equal(guest.call(46, fd, 0), -EINVAL);
    assert.equal(guest.write(fd, "x"), -EBADF);
    const after = fs.statSync(join(inside, "d", "f"));
    assert.deepEqual([after.mtimeMs, after.mode, after.size], [before.mtimeMs, before.mode, before.size]);
    assert.deepEqual(fs.readdirSync(inside), ["d"]);
  });

  test(`${kind}: names that a host could take for paths are refused`, (context) => {
    const { files } = makeScene(context, { portable });
    for (const name of ["", ".", "..", "d/f", "../outside", "a\0b"]) {
      assert.ok(files.openDirectory(files.root, name) < 0);
      assert.equal(files.status(files.root, name), -ENOENT);
      assert.equal(files.unlink(files.root, name), -ENOENT);
      const options = { read: true, write: false, create: false, mode: 0 };
      assert.equal(files.open(files.root, name, options), -ENOENT);
    }
    assert.equal(files.openDirectory(files.root, "nothing"), -ENOENT);
    const directory = files.openDirectory(files.root, "d");
    assert.equal(files.openDirectory(directory, "f"), -ENOTDIR);
    files.closeDirectory(directory);
    assert.ok((files.status(directory, "f") as number) < 0);
    assert.ok([-EBADF, -ENOENT, -ESTALE].includes(files.status(directory, "f") as number));
  });
}

test("fifos, sockets and devices are seen but not opened", async (context) => {
  const { inside, guest } = makeScene(context);
  execFileSync("mkfifo", [join(inside, "fifo")]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(inside, "socket"), resolve));
  context.after(() => server.close());
  for (const flags of [0, O_WRONLY, O_RDWR]) {
    assert.equal(guest.open("/mnt/fifo", flags), -ENXIO);
    assert.equal(guest.open("/mnt/socket", flags), -ENXIO);
  }
  const status = guest.stat("/mnt/fifo");
  assert.ok(typeof status === "object" && (status.mode & 0o170000) === 0o010000);
  const names = guest.list("/mnt");
  assert.deepEqual(names, ["d", "fifo", "socket"]);
  assert.equal(guest.unlink("/mnt/fifo"), 0);
  try {
    execFileSync("mknod", [join(inside, "null"), "c", "1", "3"], { stdio: "ignore" });
  } catch {
    return;
  }
  assert.equal(guest.open("/mnt/null"), -EACCES);
});

test("a fifo that takes a file's name at the last moment does not make the kernel wait", (context) => {
  const scene = makeScene(context, {
    wrap: (files) =>
      new Proxy(files, {
        get(target, property) {
          const value = Reflect.get(target, property, target);
          if (property !== "open") return typeof value === "function" ? value.bind(target) : value;
          return (...args: unknown[]) => {
            fs.rmSync(join(scene.inside, "d", "f"), { force: true });
            execFileSync("mkfifo", [join(scene.inside, "d", "f")]);
            return value.apply(target, args);
          };
        },
      }),
  });
  assert.equal(scene.guest.open("/mnt/d/f"), -ENXIO);
});

test("every descriptor of the host is given back", (context) => {
  if (process.platform !== "linux") return;
  const open = (): number => fs.readdirSync("/proc/self/fd").length;
  const before = open();
  const { inside, guest } = makeScene(context);
  for (let k = 0; k < 200; k++) fs.mkdirSync(join(inside, `many-${k}`, "deeper"), { recursive: true });
  for (let k = 0; k < 200; k++) guest.put(`/mnt/many-${k}/deeper/f`, "x");
  assert.ok(open() - before < 80, `${open() - before} descriptors are open`);
  const fds = Array.from({ length: 20 }, (_, k) => guest.open(`/mnt/many-${k}/deeper/f`));
  assert.ok(fds.every((fd) => fd >= 0));
  assert.equal(guest.open("/mnt/many-3/deeper/f", O_CREAT | O_WRONLY | 0o200), -17);
  guest.list("/mnt");
  guest.process.descriptors.closeAll();
  assert.equal(guest.mounts.unmount("/mnt"), 0);
  assert.equal(open(), before);
});

test("working directories outlive the memory of directories", (context) => {
  const { inside, guest } = makeScene(context);
  fs.mkdirSync(join(inside, "home"));
  assert.equal(guest.chdir("/mnt/home"), 0);
  for (let k = 0; k < 1200; k++) {
    fs.mkdirSync(join(inside, `x${k}`));
    assert.equal(typeof guest.stat(`/mnt/x${k}/.`), "object");
  }
  guest.put("f", "still at home");
  assert.equal(guest.get("/mnt/home/f"), "still at home");
  assert.equal(guest.cwd(), "/mnt/home");
});

/** A random tree as a list of things to make, and paths to try on it. */
const component = fc.constantFrom("a", "b", "c", "..", ".");
const path = fc.array(component, { minLength: 1, maxLength: 7 }).map((parts) => parts.join("/"));
const target = fc.oneof(
  path,
  path.map((text) => `/${text}`),
  path.map((text) => `../../${text}`),
  fc.constant("/mnt/a/b"),
);
const thing = fc.record({
  where: path,
  kind: fc.constantFrom("directory", "directory", "file", "link", "link"),
  target,
});

test("hostfs and memfs resolve every path alike, and neither finds the secret", (context) => {
  const base = fs.mkdtempSync(join(tmpdir(), "akuma-walk-"));
  context.after(() => fs.rmSync(base, { recursive: true, force: true }));
  fs.mkdirSync(join(base, "a", "b"), { recursive: true });
  for (const place of ["a", "b", "c", "a/a", "a/b/a", "a/b/b", "a/b/c"]) {
    try {
      fs.writeFileSync(join(base, place), SECRET);
    } catch {
      // Is a directory.
    }
  }
  let run = 0;
  fc.assert(
    fc.property(fc.array(thing, { maxLength: 25 }), fc.array(path, { maxLength: 25 }), (things, paths) => {
      const inside = join(base, "a", "b", `run-${run++}`);
      fs.mkdirSync(inside);
      const host = new Guest();
      const memory = new Guest();
      host.mkdir("/mnt");
      memory.mkdir("/mnt");
      host.mounts.mount("/mnt", new HostFs(new NodeHostFiles(inside), { readOnly: false }));
      memory.mounts.mount("/mnt", new MemFs({ clock: memory.clock }));
      const both = (work: (guest: Guest) => unknown, what: string): void => {
        const result = work(host);
        assert.deepEqual(result, work(memory), what);
        assert.notEqual(result, SECRET);
      };
      for (const { where, kind, target: to } of things) {
        const at = `/mnt/${where}`;
        if (kind === "directory") both((guest) => guest.mkdir(at), `mkdir ${at}`);
        else if (kind === "link") both((guest) => guest.symlink(to, at), `symlink ${to} ${at}`);
        else {
          both((guest) => {
            const fd = guest.open(at, O_CREAT | O_WRONLY);
            return fd < 0 ? fd : guest.write(fd, at) + guest.close(fd);
          }, `create ${at}`);
        }
      }
      for (const where of paths) {
        both((guest) => guest.get(`/mnt/${where}`), where);
        both((guest) => guest.list(`/mnt/${where}`), where);
        both((guest) => guest.readlink(`/mnt/${where}`), where);
        both((guest) => guest.chdir(`/mnt/${where}`) || guest.cwd(), where);
        both((guest) => guest.chdir("/"), where);
      }
      host.process.descriptors.closeAll();
      host.mounts.unmount("/mnt");
    }),
    { numRuns: 60 },
  );
});
