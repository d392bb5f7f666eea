/** Files: opening in every way, positions, sizes, holes, appending, status, attributes. */
import type { Scenario } from "../script.ts";

/** What stands in the folder that paths are tried on. */
export const TREE = `
  ~f = openat(AT_FDCWD, "file", O_RDWR|O_CREAT, 0644)
  write(f, "0123456789", 10)
  close(f)
  mkdirat(AT_FDCWD, "dir", 0755)
  mkdirat(AT_FDCWD, "full", 0755)
  ~f = openat(AT_FDCWD, "full/inner", O_RDWR|O_CREAT, 0644)
  close(f)
  symlinkat("file", AT_FDCWD, "link")
  symlinkat("dir", AT_FDCWD, "dirlink")
  symlinkat("missing", AT_FDCWD, "dangling")
  symlinkat("loop", AT_FDCWD, "loop")`;

const TOO_LONG = "x".repeat(256);

/** Every sort of path inside the folder. */
export const PATHS: readonly string[] = [
  "file",
  "file/",
  "file/.",
  "file/x",
  "dir",
  "dir/",
  "dir/.",
  "dir/..",
  "full",
  "link",
  "link/",
  "dirlink",
  "dirlink/",
  "dangling",
  "dangling/",
  "loop",
  "loop/x",
  "missing",
  "missing/",
  "missing/.",
  "missing/x",
  "",
  ".",
  "./././file",
  "dir/../file",
  TOO_LONG,
  `${TOO_LONG}/x`,
  `dir/${"x".repeat(255)}`,
];

/** A path's place in a scenario's name. */
export function shown(path: string): string {
  return path.length > 100 ? `"${path.replace(/x{9,}/, (run) => `x × ${run.length}`)}"` : JSON.stringify(path);
}

const LOOKING = `newfstatat(AT_FDCWD, "file", stat(), AT_SYMLINK_NOFOLLOW)
  newfstatat(AT_FDCWD, "missing", stat(), AT_SYMLINK_NOFOLLOW)
  newfstatat(AT_FDCWD, "dangling", stat(), AT_SYMLINK_NOFOLLOW)`;

/** These leave no trace, so that one scenario tries them on all paths. */
const harmless = [
  "O_RDONLY",
  "O_RDWR",
  "O_RDONLY|O_NOFOLLOW",
  "O_RDONLY|O_DIRECTORY",
  "O_RDONLY|O_DIRECTORY|O_NOFOLLOW",
  "O_RDWR|O_DIRECTORY",
  "O_RDWR|O_CREAT|O_DIRECTORY",
  "O_PATH",
  "O_PATH|O_NOFOLLOW",
  "O_PATH|O_DIRECTORY",
  "O_PATH|O_DIRECTORY|O_NOFOLLOW",
  "O_PATH|O_CREAT|O_EXCL|O_TRUNC",
  "O_RDONLY|O_NONBLOCK",
  "3",
  "3|O_TRUNC",
];

const opening: Scenario[] = harmless.map((flags) => ({
  name: `open: every path with ${flags}`,
  script: `${TREE}\n${PATHS.concat("..", "/", "/dev/null", "/none/none")
    .map((path) => `x = openat(AT_FDCWD, "${path}", ${flags}, 0640)\nread(x, room(4), 4)\nclose(x)`)
    .join("\n")}\n${LOOKING}`,
}));

const creating: Scenario[] = [
  "O_RDWR|O_CREAT",
  "O_RDWR|O_CREAT|O_EXCL",
  "O_RDWR|O_CREAT|O_NOFOLLOW",
  "O_WRONLY|O_TRUNC",
  "O_RDWR|O_CREAT|O_TRUNC",
  "O_RDONLY|O_TRUNC",
  "O_RDONLY|O_CREAT",
].flatMap((flags) =>
  PATHS.map((path) => ({
    name: `open: ${shown(path)} with ${flags}`,
    script: `${TREE}
      x = openat(AT_FDCWD, "${path}", ${flags}, 0640)
      fstat(x, stat())
      write(x, "new", 3)
      ${LOOKING}`,
  })),
);

const positions: Scenario[] = [
  {
    name: "file: positions",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "0123456789", 10)
      lseek(f, 0, SEEK_CUR)
      lseek(f, -3, SEEK_END)
      read(f, room(9), 9)
      read(f, room(9), 9)
      lseek(f, 100, SEEK_SET)
      read(f, room(9), 9)
      lseek(f, -101, SEEK_CUR)
      lseek(f, -1, SEEK_SET)
      lseek(f, 0, SEEK_CUR)
      lseek(f, 5, 5)
      lseek(f, 5, -1)
      pread64(f, room(4), 4, 8)
      pread64(f, room(4), 4, 10)
      pread64(f, room(4), 4, -1)
      pwrite64(f, "ab", 2, 3)
      pwrite64(f, "ab", 2, -1)
      lseek(f, 0, SEEK_CUR)
      pread64(f, room(20), 20, 0)
      preadv(f, iov(room(2), room(3)), 2, 1)
      pwritev(f, iov("XY", "Z"), 2, 20)
      pread64(f, room(30), 30, 0)
      fstat(f, stat())
      lseek(f, 0, SEEK_SET)
      readv(f, iov(room(2), room(3), room(100)), 3)
      preadv2(f, iov(room(2)), 1, 0, 0, 0)
      preadv2(f, iov(room(2)), 1, -1, 0, 0)
      preadv2(f, iov(room(2)), 1, 0, 0, 0x10000)
      d = dup(f)
      lseek(d, 2, SEEK_SET)
      read(f, room(2), 2)`,
  },
  {
    name: "file: appending",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT|O_APPEND, 0644)
      write(f, "abc", 3)
      lseek(f, 0, SEEK_SET)
      write(f, "def", 3)
      lseek(f, 0, SEEK_CUR)
      pwrite64(f, "ghi", 3, 0)
      lseek(f, 0, SEEK_CUR)
      pread64(f, room(20), 20, 0)
      g = openat(AT_FDCWD, "f", O_WRONLY, 0)
      fcntl(g, F_SETFL, O_APPEND)
      write(g, "jkl", 3)
      fcntl(g, F_SETFL, 0)
      write(g, "mno", 3)
      lseek(g, 0, SEEK_SET)
      write(g, "X", 1)
      pread64(f, room(30), 30, 0)
      writev(f, iov("1", "2"), 2)
      pread64(f, room(30), 30, 0)
      sendfile(f, f, longs(0), 1)
      copy_file_range(f, longs(0), f, longs(50), 1, 0)`,
  },
  {
    name: "file: sizes",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "0123456789", 10)
      ftruncate(f, 4)
      fstat(f, stat())
      ftruncate(f, 8)
      pread64(f, room(20), 20, 0)
      lseek(f, 0, SEEK_CUR)
      write(f, "x", 1)
      pread64(f, room(20), 20, 0)
      ftruncate(f, -1)
      ftruncate(f, 0)
      truncate("f", 3)
      truncate("f", -1)
      truncate("none", 0)
      truncate("", 0)
      truncate(".", 0)
      truncate(BAD, 0)
      symlinkat("f", AT_FDCWD, "l")
      truncate("l", 5)
      truncate("f/", 5)
      fstat(f, stat())
      r = openat(AT_FDCWD, "f", O_RDONLY, 0)
      ftruncate(r, 0)
      ftruncate(r, -1)
      fallocate(f, 0, 0, 20)
      fstat(f, stat())
      fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 40)
      fstat(f, stat())
      fallocate(r, 0, 0, 20)`,
  },
  {
    name: "file: holes",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      pwrite64(f, "x", 1, 1048576)
      lseek(f, 0, SEEK_DATA)
      lseek(f, 0, SEEK_HOLE)
      lseek(f, 1048576, SEEK_HOLE)
      lseek(f, 1048577, SEEK_DATA)
      lseek(f, 1048577, SEEK_HOLE)
      lseek(f, -1, SEEK_DATA)
      pread64(f, room(4), 4, 1048574)
      e = openat(AT_FDCWD, "empty", O_RDWR|O_CREAT, 0644)
      lseek(e, 0, SEEK_DATA)
      lseek(e, 0, SEEK_HOLE)`,
  },
  {
    name: "file: an unlinked one lives on",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "abc", 3)
      linkat(AT_FDCWD, "f", AT_FDCWD, "g", 0)
      fstat(f, stat())
      unlinkat(AT_FDCWD, "f", 0)
      fstat(f, stat())
      unlinkat(AT_FDCWD, "g", 0)
      fstat(f, stat())
      pread64(f, room(9), 9, 0)
      write(f, "def", 3)
      fstat(f, stat())
      linkat(f, "", AT_FDCWD, "h", AT_EMPTY_PATH)
      openat(AT_FDCWD, "f", O_RDWR, 0)`,
    needsRoot: true,
  },
  {
    name: "file: sendfile and copy_file_range",
    script: `
      a = openat(AT_FDCWD, "a", O_RDWR|O_CREAT, 0644)
      b = openat(AT_FDCWD, "b", O_RDWR|O_CREAT, 0644)
      write(a, "0123456789", 10)
      sendfile(b, a, NULL, 5)
      lseek(a, 2, SEEK_SET)
      sendfile(b, a, NULL, 3)
      lseek(a, 0, SEEK_CUR)
      lseek(b, 0, SEEK_CUR)
      sendfile(b, a, longs(8), 100)
      lseek(a, 0, SEEK_CUR)
      pread64(b, room(20), 20, 0)
      sendfile(b, a, longs(-1), 1)
      sendfile(b, a, BAD, 1)
      sendfile(b, a, longs(0), 0)
      r = openat(AT_FDCWD, "a", O_RDONLY, 0)
      sendfile(r, a, longs(0), 1)
      w = openat(AT_FDCWD, "a", O_WRONLY, 0)
      sendfile(b, w, longs(0), 1)
      sendfile(b, 60, NULL, 1)
      sendfile(60, a, NULL, 1)
      copy_file_range(a, longs(0), b, longs(100), 4, 0)
      copy_file_range(a, longs(0), b, longs(0), 4, 1)
      copy_file_range(a, longs(0), a, longs(2), 4, 0)
      copy_file_range(r, longs(0), r, longs(20), 4, 0)
      copy_file_range(a, longs(50), b, longs(0), 4, 0)
      mkdirat(AT_FDCWD, "d", 0755)
      d = openat(AT_FDCWD, "d", O_RDONLY, 0)
      copy_file_range(d, NULL, b, NULL, 1, 0)
      copy_file_range(a, NULL, d, NULL, 1, 0)
      pipe2(fds(p, q), 0)
      copy_file_range(a, longs(0), q, NULL, 1, 0)
      sendfile(q, a, longs(0), 4)
      read(p, room(9), 9)
      fstat(b, stat())`,
  },
  {
    name: "file: flags that are kept",
    script: [
      "O_RDONLY",
      "O_WRONLY",
      "O_RDWR|O_APPEND",
      "O_RDWR|O_NONBLOCK",
      "O_RDWR|O_SYNC",
      "O_RDWR|O_DSYNC",
      "O_RDWR|O_CLOEXEC",
      "O_RDWR|O_NOATIME",
      "O_RDWR|O_TRUNC|O_NOCTTY",
    ]
      .map(
        (flags) => `f = openat(AT_FDCWD, "f", ${flags}|O_CREAT, 0644)
      ~fcntl(f, F_GETFL, 0)
      fcntl(f, F_GETFD, 0)
      close(f)`,
      )
      .join("\n"),
  },
];

const attributes: Scenario[] = [
  {
    name: "attributes: modes and the mask",
    script: `
      umask(077)
      umask(027)
      umask(07777)
      umask(0)
      ~f = openat(AT_FDCWD, "a", O_RDWR|O_CREAT, 07777)
      fstat(f, stat())
      umask(022)
      ~f = openat(AT_FDCWD, "b", O_RDWR|O_CREAT, 0666)
      fstat(f, stat())
      mkdirat(AT_FDCWD, "d", 07777)
      newfstatat(AT_FDCWD, "d", stat(), 0)
      fchmod(f, 06755)
      fstat(f, stat())
      fchmod(f, 0170000)
      fstat(f, stat())
      fchmodat(AT_FDCWD, "none", 0600)
      fchmodat(AT_FDCWD, "b/x", 0600)
      symlinkat("b", AT_FDCWD, "l")
      fchmodat(AT_FDCWD, "l", 0640)
      fstat(f, stat())
      newfstatat(AT_FDCWD, "l", stat(), AT_SYMLINK_NOFOLLOW)
      fchmodat2(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW)
      fchmodat2(AT_FDCWD, "b", 0600, AT_SYMLINK_NOFOLLOW)
      fchmodat2(AT_FDCWD, "b", 0600, 1)
      fchmodat(AT_FDCWD, BAD, 0600)
      mknodat(AT_FDCWD, "node", S_IFREG|0640, 0)
      mknodat(AT_FDCWD, "node", S_IFREG|0640, 0)
      newfstatat(AT_FDCWD, "node", stat(), 0)
      mknodat(AT_FDCWD, "odd", S_IFDIR|0640, 0)
      mknodat(AT_FDCWD, "odd", 0170000, 0)`,
  },
  {
    name: "attributes: owners",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 06755)
      fchown(f, 1000, 2000)
      fstat(f, stat())
      fchown(f, -1, 3000)
      fstat(f, stat())
      fchownat(AT_FDCWD, "f", 5, -1, 0)
      fstat(f, stat())
      symlinkat("f", AT_FDCWD, "l")
      fchownat(AT_FDCWD, "l", 7, 7, AT_SYMLINK_NOFOLLOW)
      newfstatat(AT_FDCWD, "l", stat(), AT_SYMLINK_NOFOLLOW)
      fstat(f, stat())
      fchownat(AT_FDCWD, "none", 7, 7, 0)
      fchownat(AT_FDCWD, "f", 7, 7, 1)
      fchownat(f, "", 9, 9, AT_EMPTY_PATH)
      fstat(f, stat())
      write(f, "x", 1)
      fstat(f, stat())`,
    needsRoot: true,
  },
  {
    name: "attributes: times",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      utimensat(AT_FDCWD, "f", longs(1, 2, 3, 4), 0)
      utimensat(AT_FDCWD, "f", longs(1, -1, 3, 4), 0)
      utimensat(AT_FDCWD, "f", longs(1, 1000000000, 3, 4), 0)
      utimensat(AT_FDCWD, "f", longs(1, UTIME_OMIT, 3, UTIME_NOW), 0)
      utimensat(AT_FDCWD, "none", longs(0, UTIME_OMIT, 0, UTIME_OMIT), 0)
      utimensat(AT_FDCWD, "none", NULL, 0)
      utimensat(AT_FDCWD, "f", BAD, 0)
      utimensat(AT_FDCWD, NULL, NULL, 0)
      utimensat(f, NULL, NULL, 0)
      utimensat(f, NULL, NULL, AT_SYMLINK_NOFOLLOW)
      utimensat(AT_FDCWD, "f", NULL, 1)
      utimensat(AT_FDCWD, BAD, NULL, 0)
      utimensat(AT_FDCWD, "", NULL, 0)
      utimensat(99, "f", NULL, 0)
      utimensat(f, "f", NULL, 0)`,
  },
  {
    name: "attributes: access",
    script: `${TREE}
      ${PATHS.map((path) => `faccessat(AT_FDCWD, "${path}", F_OK)`).join("\n")}
      faccessat(AT_FDCWD, "file", R_OK|W_OK)
      faccessat(AT_FDCWD, "file", X_OK)
      faccessat(AT_FDCWD, "dir", X_OK|R_OK|W_OK)
      faccessat(AT_FDCWD, "file", 8)
      faccessat(AT_FDCWD, "file", -1)
      faccessat(AT_FDCWD, BAD, F_OK)
      faccessat2(AT_FDCWD, "file", F_OK, 1)
      faccessat2(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW)
      faccessat2(AT_FDCWD, "file", X_OK, AT_EACCESS)
      faccessat2(AT_FDCWD, "", F_OK, AT_EMPTY_PATH)
      faccessat(99, "file", F_OK)
      fchmodat(AT_FDCWD, "file", 0711)
      faccessat(AT_FDCWD, "file", X_OK)`,
    needsRoot: true,
  },
  {
    name: "attributes: status",
    script: `${TREE}
      ${PATHS.map((path) => `newfstatat(AT_FDCWD, "${path}", stat(), 0)\nnewfstatat(AT_FDCWD, "${path}", stat(), AT_SYMLINK_NOFOLLOW)`).join("\n")}
      newfstatat(AT_FDCWD, BAD, stat(), 0)
      newfstatat(AT_FDCWD, NULL, stat(), 0)
      newfstatat(AT_FDCWD, "file", BAD, 0)
      newfstatat(AT_FDCWD, "none", BAD, 0)
      newfstatat(AT_FDCWD, "file", stat(), 1)
      newfstatat(99, "file", stat(), 0)
      newfstatat(99, "", stat(), AT_EMPTY_PATH)
      newfstatat(AT_FDCWD, "", stat(), AT_EMPTY_PATH)
      fstat(99, stat())
      fstat(0, BAD)
      statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, BAD)
      statx(AT_FDCWD, "file", 1, STATX_BASIC_STATS, room(256))
      statx(AT_FDCWD, "file", 0, STATX__RESERVED, room(256))
      statx(AT_FDCWD, "file", 0x6000, STATX_BASIC_STATS, room(256))
      statfs("none", room(120))
      statfs(BAD, room(120))
      statfs("file", BAD)`,
    needsRoot: true,
  },
];

export const fileScenarios: readonly Scenario[] = [...opening, ...creating, ...positions, ...attributes];
