/** Names of files: making, removing, renaming and linking them, and reading directories. */
import type { Scenario } from "../script.ts";
import { PATHS, shown, TREE } from "./files.ts";

/** Calls that change the tree, each on a tree of its own. */
const changes: Readonly<Record<string, (path: string) => string>> = {
  mkdir: (path) => `mkdirat(AT_FDCWD, "${path}", 0755)`,
  unlink: (path) => `unlinkat(AT_FDCWD, "${path}", 0)`,
  rmdir: (path) => `unlinkat(AT_FDCWD, "${path}", AT_REMOVEDIR)`,
  symlink: (path) => `symlinkat("target", AT_FDCWD, "${path}")`,
  mknod: (path) => `mknodat(AT_FDCWD, "${path}", S_IFREG|0644, 0)`,
  "link to": (path) => `linkat(AT_FDCWD, "file", AT_FDCWD, "${path}", 0)`,
  "link from": (path) => `linkat(AT_FDCWD, "${path}", AT_FDCWD, "new", 0)`,
  "link from, following": (path) => `linkat(AT_FDCWD, "${path}", AT_FDCWD, "new", AT_SYMLINK_FOLLOW)`,
  "rename a file to": (path) => `renameat2(AT_FDCWD, "file", AT_FDCWD, "${path}", 0)`,
  "rename a directory to": (path) => `renameat2(AT_FDCWD, "dir", AT_FDCWD, "${path}", 0)`,
  "rename a full directory to": (path) => `renameat2(AT_FDCWD, "full", AT_FDCWD, "${path}", 0)`,
  "rename to something new": (path) => `renameat2(AT_FDCWD, "${path}", AT_FDCWD, "new", 0)`,
  "rename without replacing to": (path) => `renameat2(AT_FDCWD, "file", AT_FDCWD, "${path}", RENAME_NOREPLACE)`,
  "exchange a file with": (path) => `renameat2(AT_FDCWD, "file", AT_FDCWD, "${path}", RENAME_EXCHANGE)`,
};

const LISTING = `
  ~d = openat(AT_FDCWD, ".", O_RDONLY|O_DIRECTORY, 0)
  ~getdents64(d, entries(2048), 2048)
  close(d)
  ~d = openat(AT_FDCWD, "dir", O_RDONLY|O_DIRECTORY, 0)
  ~getdents64(d, entries(2048), 2048)`;

const changing: Scenario[] = Object.entries(changes).flatMap(([change, call]) =>
  PATHS.map((path) => ({ name: `names: ${change} ${shown(path)}`, script: `${TREE}\n${call(path)}\n${LISTING}` })),
);

export const nameScenarios: readonly Scenario[] = [
  ...changing,
  {
    name: "names: readlink of every path",
    script: `${TREE}\n${PATHS.map((path) => `readlinkat(AT_FDCWD, "${path}", room(20), 20)`).join("\n")}
      readlinkat(AT_FDCWD, "link", room(2), 2)
      readlinkat(AT_FDCWD, "link", room(2), 0)
      readlinkat(AT_FDCWD, "link", room(2), -1)
      readlinkat(AT_FDCWD, "link", BAD, 20)
      readlinkat(AT_FDCWD, BAD, room(2), 2)
      readlinkat(99, "link", room(2), 2)
      p = openat(AT_FDCWD, "link", O_PATH|O_NOFOLLOW, 0)
      readlinkat(p, "", room(20), 20)
      q = openat(AT_FDCWD, "file", O_PATH, 0)
      readlinkat(q, "", room(20), 20)`,
  },
  {
    name: "names: wrong arguments",
    script: `${TREE}
      unlinkat(AT_FDCWD, "file", 1)
      unlinkat(AT_FDCWD, BAD, 0)
      unlinkat(99, "file", 0)
      mkdirat(99, "x", 0755)
      mkdirat(AT_FDCWD, BAD, 0755)
      symlinkat("", AT_FDCWD, "x")
      symlinkat(BAD, AT_FDCWD, "x")
      symlinkat("x", AT_FDCWD, BAD)
      symlinkat("x", 99, "y")
      linkat(AT_FDCWD, "file", AT_FDCWD, "x", 1)
      linkat(99, "file", AT_FDCWD, "x", 0)
      linkat(AT_FDCWD, "file", 99, "x", 0)
      linkat(AT_FDCWD, BAD, AT_FDCWD, "x", 0)
      linkat(AT_FDCWD, "file", AT_FDCWD, BAD, 0)
      renameat2(AT_FDCWD, "file", AT_FDCWD, "x", 8)
      renameat2(AT_FDCWD, "file", AT_FDCWD, "x", RENAME_NOREPLACE|RENAME_EXCHANGE)
      renameat2(99, "file", AT_FDCWD, "x", 0)
      renameat2(AT_FDCWD, "file", 99, "x", 0)
      renameat2(AT_FDCWD, BAD, AT_FDCWD, "x", 0)
      renameat2(AT_FDCWD, "file", AT_FDCWD, BAD, 0)
      chdir("file")
      chdir("none")
      chdir("")
      chdir(BAD)
      fchdir(99)
      getcwd(room(1), 1)
      getcwd(room(1), 0)
      getcwd(BAD, 1000)`,
  },
  {
    name: "names: a directory into itself",
    script: `
      mkdirat(AT_FDCWD, "a", 0755)
      mkdirat(AT_FDCWD, "a/b", 0755)
      mkdirat(AT_FDCWD, "a/b/c", 0755)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "a/x", 0)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "a/b/c/x", 0)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "a", 0)
      renameat2(AT_FDCWD, "a/b", AT_FDCWD, "a", 0)
      renameat2(AT_FDCWD, "a/b", AT_FDCWD, "a", RENAME_EXCHANGE)
      renameat2(AT_FDCWD, "a/b/.", AT_FDCWD, "x", 0)
      renameat2(AT_FDCWD, "a/b/..", AT_FDCWD, "x", 0)
      renameat2(AT_FDCWD, "a/b/c", AT_FDCWD, "a/b/c/", 0)
      unlinkat(AT_FDCWD, "a/.", AT_REMOVEDIR)
      unlinkat(AT_FDCWD, "a/b/..", AT_REMOVEDIR)
      unlinkat(AT_FDCWD, "a", AT_REMOVEDIR)
      linkat(AT_FDCWD, "a", AT_FDCWD, "l", 0)
      newfstatat(AT_FDCWD, "a", stat(), 0)
      newfstatat(AT_FDCWD, "a/b", stat(), 0)`,
  },
  {
    name: "names: two names of one file",
    script: `
      ~f = openat(AT_FDCWD, "a", O_RDWR|O_CREAT, 0644)
      linkat(AT_FDCWD, "a", AT_FDCWD, "b", 0)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 0)
      fstat(f, stat())
      faccessat(AT_FDCWD, "a", F_OK)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE)
      renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE)
      fstat(f, stat())`,
  },
  {
    name: "names: a working directory that is gone",
    script: `
      mkdirat(AT_FDCWD, "d", 0755)
      d = openat(AT_FDCWD, "d", O_RDONLY|O_DIRECTORY, 0)
      chdir("d")
      unlinkat(AT_FDCWD, "../d", AT_REMOVEDIR)
      getcwd(room(100), 100)
      openat(AT_FDCWD, "x", O_RDWR|O_CREAT, 0644)
      openat(AT_FDCWD, ".", O_RDONLY, 0)
      ~e = openat(AT_FDCWD, "..", O_RDONLY, 0)
      mkdirat(AT_FDCWD, "x", 0755)
      symlinkat("x", AT_FDCWD, "y")
      openat(AT_FDCWD, "none", O_RDONLY, 0)
      fstat(d, stat())
      getdents64(d, entries(512), 512)
      unlinkat(AT_FDCWD, ".", AT_REMOVEDIR)
      fchdir(d)
      chdir(".")
      chdir("..")
      faccessat(AT_FDCWD, "d", F_OK)`,
  },
  {
    name: "names: reading a directory in pieces",
    script: `
      mkdirat(AT_FDCWD, "d", 0755)
      d = openat(AT_FDCWD, "d", O_RDONLY|O_DIRECTORY, 0)
      ~f = openat(d, "one", O_RDWR|O_CREAT, 0644)
      symlinkat("x", d, "two")
      mkdirat(d, "three", 0755)
      getdents64(d, entries(512), 512)
      getdents64(d, entries(512), 512)
      lseek(d, 0, SEEK_SET)
      getdents64(d, entries(20), 20)
      getdents64(d, BAD, 512)
      getdents64(d, entries(512), 0)
      getdents64(99, entries(512), 512)
      getdents64(f, entries(512), 512)
      read(d, room(4), 4)
      write(d, "x", 1)
      getdents64(d, entries(512), 512)
      unlinkat(d, "one", 0)
      lseek(d, 0, SEEK_SET)
      getdents64(d, entries(512), 512)
      openat(AT_FDCWD, "d", O_RDWR, 0)
      openat(AT_FDCWD, "d", O_WRONLY, 0)
      openat(d, "three/../../d/two", O_RDONLY, 0)
      openat(f, "x", O_RDONLY, 0)
      openat(f, ".", O_RDONLY, 0)`,
  },
  {
    name: "names: long ones",
    script: `
      mkdirat(AT_FDCWD, "${"a".repeat(255)}", 0755)
      mkdirat(AT_FDCWD, "${"a".repeat(256)}", 0755)
      mkdirat(AT_FDCWD, "${"b/".repeat(2047)}b", 0755)
      mkdirat(AT_FDCWD, "${"b/".repeat(2048)}", 0755)
      faccessat(AT_FDCWD, "${"./".repeat(2047)}", F_OK)
      faccessat(AT_FDCWD, "${"./".repeat(2048)}", F_OK)
      symlinkat("${"x".repeat(4095)}", AT_FDCWD, "l")
      symlinkat("${"x".repeat(4096)}", AT_FDCWD, "m")
      openat(AT_FDCWD, "l", O_RDONLY, 0)`,
  },
  {
    name: "names: chains of links",
    script: `
      ~f = openat(AT_FDCWD, "file", O_RDWR|O_CREAT, 0644)
      symlinkat("file", AT_FDCWD, "l0")
      ${Array.from({ length: 41 }, (_, k) => `symlinkat("l${k}", AT_FDCWD, "l${k + 1}")`).join("\n")}
      faccessat(AT_FDCWD, "l38", F_OK)
      faccessat(AT_FDCWD, "l39", F_OK)
      faccessat(AT_FDCWD, "l40", F_OK)
      faccessat(AT_FDCWD, "l41", F_OK)
      openat(AT_FDCWD, "l41", O_RDWR|O_CREAT, 0644)
      openat(AT_FDCWD, "l41", O_RDWR|O_CREAT|O_EXCL, 0644)`,
  },
];
