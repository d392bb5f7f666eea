/**
 * Random sequences of operations, done three times: on memfs, on hostfs, and on the host itself by node:fs. All three must
 * answer alike: the same contents, the same errors.
 */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { errnoName } from "../../abi/errno.ts";
import * as file from "../../abi/file.ts";
import { Guest, type GuestStat } from "../../kernel/vfs/guest.fixture.ts";
import { HostFs } from "../../kernel/vfs/hostfs/hostfs.ts";
import { MemFs } from "../../kernel/vfs/memfs/memfs.ts";
import { NodeHostFiles } from "./host-files.ts";

process.umask(0o022);

/** What each of the three can do; a string is an errno's name or a result worth comparing. */
interface Subject {
  write(path: string, flags: readonly Flag[], text: string, position: number | null): string;
  read(path: string): string;
  truncate(path: string, size: number): string;
  mkdir(path: string, mode: number): string;
  rmdir(path: string): string;
  unlink(path: string): string;
  rename(from: string, to: string): string;
  link(from: string, to: string): string;
  symlink(target: string, path: string): string;
  readlink(path: string): string;
  status(path: string, follow: boolean): string;
  chmod(path: string, mode: number): string;
  list(path: string): string;
  /** Opens a file and keeps it in one of a few slots, in place of what is there. */
  hold(slot: number, path: string, flags: readonly Flag[]): string;
  writeHeld(slot: number, text: string, position: number | null): string;
  readHeld(slot: number, length: number, position: number): string;
  statusHeld(slot: number): string;
  truncateHeld(slot: number, size: number): string;
}

const linuxFlags = {
  create: file.O_CREAT,
  exclusive: file.O_EXCL,
  truncate: file.O_TRUNC,
  append: file.O_APPEND,
  directory: file.O_DIRECTORY,
  noFollow: file.O_NOFOLLOW,
} as const;
type Flag = keyof typeof linuxFlags;
const { O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_RDWR } = fs.constants;
const hostFlags: Readonly<Record<Flag, number>> = {
  create: O_CREAT,
  exclusive: O_EXCL,
  truncate: O_TRUNC,
  append: O_APPEND,
  directory: O_DIRECTORY,
  noFollow: O_NOFOLLOW,
};

function statusText(mode: number, size: number, links: number): string {
  const isDirectory = (mode & file.S_IFMT) === file.S_IFDIR;
  // How large a directory is, and how its links are counted, is each file system's own affair.
  return isDirectory ? `directory ${mode.toString(8)}` : `${mode.toString(8)} ${size} bytes ${links} links`;
}

/** Open in none of the three. */
const NO_DESCRIPTOR = 9999;

class GuestSubject implements Subject {
  private readonly guest: Guest;
  private readonly held: (number | undefined)[] = [];

  constructor(guest: Guest) {
    this.guest = guest;
  }

  write(path: string, flags: readonly Flag[], text: string, position: number | null): string {
    const bits = flags.reduce((sum, flag) => sum | linuxFlags[flag], file.O_RDWR);
    const fd = this.guest.open(`/mnt/${path}`, bits, 0o644);
    if (fd < 0) return errnoName(fd);
    const count = position === null ? this.guest.write(fd, text) : this.guest.writeAt(fd, text, position);
    this.guest.close(fd);
    return count < 0 ? errnoName(count) : `wrote ${count}`;
  }

  read(path: string): string {
    const contents = this.guest.get(`/mnt/${path}`);
    return typeof contents === "number" ? errnoName(contents) : `read ${contents}`;
  }

  truncate(path: string, size: number): string {
    return outcome(this.guest.truncate(`/mnt/${path}`, size));
  }

  mkdir(path: string, mode: number): string {
    return outcome(this.guest.mkdir(`/mnt/${path}`, mode));
  }

  rmdir(path: string): string {
    return outcome(this.guest.rmdir(`/mnt/${path}`));
  }

  unlink(path: string): string {
    return outcome(this.guest.unlink(`/mnt/${path}`));
  }

  rename(from: string, to: string): string {
    return outcome(this.guest.rename(`/mnt/${from}`, `/mnt/${to}`));
  }

  link(from: string, to: string): string {
    return outcome(this.guest.link(`/mnt/${from}`, `/mnt/${to}`));
  }

  symlink(target: string, path: string): string {
    return outcome(this.guest.symlink(target, `/mnt/${path}`));
  }

  readlink(path: string): string {
    const target = this.guest.readlink(`/mnt/${path}`);
    return typeof target === "number" ? errnoName(target) : target;
  }

  status(path: string, follow: boolean): string {
    const status: GuestStat | number = follow ? this.guest.stat(`/mnt/${path}`) : this.guest.lstat(`/mnt/${path}`);
    return typeof status === "number" ? errnoName(status) : statusText(status.mode, status.size, status.links);
  }

  chmod(path: string, mode: number): string {
    return outcome(this.guest.call(53, -100, this.guest.path(`/mnt/${path}`), mode));
  }

  hold(slot: number, path: string, flags: readonly Flag[]): string {
    if (this.held[slot] !== undefined) this.guest.close(this.held[slot]);
    const bits = flags.reduce((sum, flag) => sum | linuxFlags[flag], file.O_RDWR);
    const fd = this.guest.open(`/mnt/${path}`, bits, 0o644);
    this.held[slot] = fd < 0 ? undefined : fd;
    return outcome(fd);
  }

  writeHeld(slot: number, text: string, position: number | null): string {
    const fd = this.held[slot] ?? NO_DESCRIPTOR;
    const count = position === null ? this.guest.write(fd, text) : this.guest.writeAt(fd, text, position);
    return count < 0 ? errnoName(count) : `wrote ${count}`;
  }

  readHeld(slot: number, length: number, position: number): string {
    const bytes = this.guest.readAt(this.held[slot] ?? NO_DESCRIPTOR, length, position);
    return typeof bytes === "number" ? errnoName(bytes) : Buffer.from(bytes).toString("latin1");
  }

  statusHeld(slot: number): string {
    const status = this.guest.fstat(this.held[slot] ?? NO_DESCRIPTOR);
    return typeof status === "number" ? errnoName(status) : statusText(status.mode, status.size, status.links);
  }

  truncateHeld(slot: number, size: number): string {
    return outcome(this.guest.call(46, this.held[slot] ?? NO_DESCRIPTOR, size));
  }

  list(path: string): string {
    const names = this.guest.list(`/mnt/${path}`);
    return typeof names === "number" ? errnoName(names) : names.join(" ");
  }
}

function outcome(result: number): string {
  return result < 0 ? errnoName(result) : "done";
}

class HostSubject implements Subject {
  private readonly folder: string;
  private readonly held: (number | undefined)[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  write(path: string, flags: readonly Flag[], text: string, position: number | null): string {
    return this.attempt(() => {
      const bits = flags.reduce((sum, flag) => sum | hostFlags[flag], O_RDWR);
      const fd = fs.openSync(this.at(path), bits, 0o644);
      try {
        return `wrote ${fs.writeSync(fd, text, position)}`;
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  read(path: string): string {
    return this.attempt(() => `read ${fs.readFileSync(this.at(path), "latin1")}`);
  }

  truncate(path: string, size: number): string {
    // truncateSync opens the file for itself, and says EISDIR and the like from there as truncate(2) does.
    return this.attempt(() => fs.truncateSync(this.at(path), size));
  }

  mkdir(path: string, mode: number): string {
    return this.attempt(() => fs.mkdirSync(this.at(path), { mode }));
  }

  rmdir(path: string): string {
    return this.attempt(() => fs.rmdirSync(this.at(path)));
  }

  unlink(path: string): string {
    return this.attempt(() => fs.unlinkSync(this.at(path)));
  }

  rename(from: string, to: string): string {
    return this.attempt(() => fs.renameSync(this.at(from), this.at(to)));
  }

  link(from: string, to: string): string {
    return this.attempt(() => fs.linkSync(this.at(from), this.at(to)));
  }

  symlink(target: string, path: string): string {
    return this.attempt(() => fs.symlinkSync(target, this.at(path)));
  }

  readlink(path: string): string {
    return this.attempt(() => fs.readlinkSync(this.at(path)));
  }

  status(path: string, follow: boolean): string {
    return this.attempt(() => {
      const { mode, size, nlink } = follow ? fs.statSync(this.at(path)) : fs.lstatSync(this.at(path));
      return statusText(mode, size, nlink);
    });
  }

  chmod(path: string, mode: number): string {
    return this.attempt(() => fs.chmodSync(this.at(path), mode));
  }

  list(path: string): string {
    return this.attempt(() => fs.readdirSync(this.at(path)).sort().join(" "));
  }

  hold(slot: number, path: string, flags: readonly Flag[]): string {
    return this.attempt(() => {
      this.release(slot);
      const bits = flags.reduce((sum, flag) => sum | hostFlags[flag], O_RDWR);
      this.held[slot] = fs.openSync(this.at(path), bits, 0o644);
    });
  }

  release(slot: number): void {
    const before = this.held[slot];
    this.held[slot] = undefined;
    if (before !== undefined) fs.closeSync(before);
  }

  writeHeld(slot: number, text: string, position: number | null): string {
    return this.attempt(() => `wrote ${fs.writeSync(this.held[slot] ?? NO_DESCRIPTOR, text, position)}`);
  }

  readHeld(slot: number, length: number, position: number): string {
    return this.attempt(() => {
      const bytes = Buffer.alloc(length);
      const count = fs.readSync(this.held[slot] ?? NO_DESCRIPTOR, bytes, 0, length, position);
      return bytes.subarray(0, count).toString("latin1");
    });
  }

  statusHeld(slot: number): string {
    return this.attempt(() => {
      const { mode, size, nlink } = fs.fstatSync(this.held[slot] ?? NO_DESCRIPTOR);
      return statusText(mode, size, nlink);
    });
  }

  truncateHeld(slot: number, size: number): string {
    return this.attempt(() => fs.ftruncateSync(this.held[slot] ?? NO_DESCRIPTOR, size));
  }

  // Not join(): it would take the dots and slashes away that matter here.
  private at(path: string): string {
    return `${this.folder}/${path}`;
  }

  private attempt(work: () => unknown): string {
    try {
      const result = work();
      return typeof result === "string" ? result : "done";
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

const name = fc.constantFrom("a", "b", "c");
/** Never leads above the folder: `..` comes only behind a name, and links lead down. */
const path = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b", "c", ".", "a/..", "b/.."), { maxLength: 3 }),
    name,
    fc.constantFrom("", "", "", "", "/", "/."),
  )
  .map(([parts, last, end]) => [...parts, last].join("/") + end);
const target = fc.array(name, { minLength: 1, maxLength: 2 }).map((parts) => parts.join("/"));
const text = fc.string({ unit: fc.constantFrom("x", "y", "z"), maxLength: 8 });
const flags = fc.uniqueArray(
  fc.constantFrom<Flag>("create", "create", "create", "exclusive", "truncate", "append", "directory", "noFollow"),
  { maxLength: 3 },
);
const position = fc.option(fc.nat(200_000));
const slot = fc.nat(2);
const mode = fc.nat(0o77).map((bits) => 0o700 | bits);

type Operation = readonly [string, (subject: Subject) => string];
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc
    .tuple(path, flags, text, position)
    .map(
      ([p, f, t, at]): Operation => [`write ${p} ${f.join("|")} ${t} ${at}`, (subject) => subject.write(p, f, t, at)],
    ),
  fc.tuple(path, mode).map(([p, m]): Operation => [`mkdir ${p} ${m}`, (subject) => subject.mkdir(p, m)]),
  fc.tuple(path, mode).map(([p, m]): Operation => [`mkdir ${p} ${m}`, (subject) => subject.mkdir(p, m)]),
  fc.tuple(path, path).map(([p, q]): Operation => [`rename ${p} ${q}`, (subject) => subject.rename(p, q)]),
  fc.tuple(path, path).map(([p, q]): Operation => [`rename ${p} ${q}`, (subject) => subject.rename(p, q)]),
  fc.tuple(path, path).map(([p, q]): Operation => [`link ${p} ${q}`, (subject) => subject.link(p, q)]),
  fc.tuple(target, path).map(([p, q]): Operation => [`symlink ${p} ${q}`, (subject) => subject.symlink(p, q)]),
  fc
    .tuple(path, fc.nat(100_000))
    .map(([p, n]): Operation => [`truncate ${p} ${n}`, (subject) => subject.truncate(p, n)]),
  path.map((p): Operation => [`rmdir ${p}`, (subject) => subject.rmdir(p)]),
  path.map((p): Operation => [`unlink ${p}`, (subject) => subject.unlink(p)]),
  path.map((p): Operation => [`read ${p}`, (subject) => subject.read(p)]),
  path.map((p): Operation => [`readlink ${p}`, (subject) => subject.readlink(p)]),
  path.map((p): Operation => [`stat ${p}`, (subject) => subject.status(p, true)]),
  path.map((p): Operation => [`lstat ${p}`, (subject) => subject.status(p, false)]),
  fc.tuple(path, mode).map(([p, m]): Operation => [`chmod ${p} ${m}`, (subject) => subject.chmod(p, m)]),
  fc
    .tuple(slot, path, flags)
    .map(([n, p, f]): Operation => [`hold ${n} ${p} ${f.join("|")}`, (subject) => subject.hold(n, p, f)]),
  fc
    .tuple(slot, path)
    .map(([n, p]): Operation => [`hold ${n} ${p} create`, (subject) => subject.hold(n, p, ["create"])]),
  fc
    .tuple(slot, text, position)
    .map(([n, t, at]): Operation => [`writeHeld ${n} ${t} ${at}`, (subject) => subject.writeHeld(n, t, at)]),
  fc
    .tuple(slot, fc.integer({ min: 1, max: 70_000 }), fc.nat(200_000))
    .map(
      ([n, length, at]): Operation => [`readHeld ${n} ${length} ${at}`, (subject) => subject.readHeld(n, length, at)],
    ),
  fc
    .tuple(slot, fc.nat(100_000))
    .map(([n, size]): Operation => [`truncateHeld ${n} ${size}`, (subject) => subject.truncateHeld(n, size)]),
  slot.map((n): Operation => [`statusHeld ${n}`, (subject) => subject.statusHeld(n)]),
  path.map((p): Operation => [`list ${p}`, (subject) => subject.list(p)]),
);

test("memfs, hostfs and the host answer alike", { skip: process.platform !== "linux" }, (context) => {
  const base = fs.mkdtempSync(join(tmpdir(), "akuma-random-"));
  context.after(() => fs.rmSync(base, { recursive: true, force: true }));
  let run = 0;
  const seed = process.env["AKUMA_TEST_SEED"];
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 60, size: "max" }), (operations) => {
      const folder = join(base, `run-${run++}`);
      fs.mkdirSync(join(folder, "mounted"), { recursive: true });
      fs.mkdirSync(join(folder, "plain"));
      const memory = new Guest();
      memory.mkdir("/mnt");
      memory.mounts.mount("/mnt", new MemFs({ clock: memory.clock }));
      const mounted = new Guest();
      mounted.mkdir("/mnt");
      mounted.mounts.mount("/mnt", new HostFs(new NodeHostFiles(join(folder, "mounted")), { readOnly: false }));
      const plain = new HostSubject(join(folder, "plain"));
      const subjects = [plain, new GuestSubject(memory), new GuestSubject(mounted)];
      const history: string[] = [];
      for (const [what, work] of operations) {
        const [expected, inMemory, onHost] = subjects.map(work);
        history.push(`${what}: ${expected}`);
        assert.equal(inMemory, expected, `memfs:\n${history.join("\n")}`);
        assert.equal(onHost, expected, `hostfs:\n${history.join("\n")}`);
      }
      for (let n = 0; n < 3; n++) plain.release(n);
      mounted.process.descriptors.closeAll();
      assert.equal(mounted.mounts.unmount("/mnt"), 0);
      fs.rmSync(folder, { recursive: true });
    }),
    { numRuns: Number(process.env["AKUMA_TEST_RUNS"] ?? 60), ...(seed === undefined ? {} : { seed: Number(seed) }) },
  );
});
