/** openat2: what it refuses, and where paths may not lead. */
import type { Scenario } from "../script.ts";

const [NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT, CACHED] = [1, 2, 4, 8, 0x10, 0x20];

function open(path: string, resolve: number, flags = "O_RDONLY", mode = "0", directory = "d"): string {
  return `openat2(${directory}, "${path}", longs(${flags}, ${mode}, ${resolve}), 24)`;
}

const tree = `
      mkdirat(AT_FDCWD, "d", 0755)
      mkdirat(AT_FDCWD, "d/sub", 0755)
      f = openat(AT_FDCWD, "d/file", O_RDWR|O_CREAT, 0644)
      openat(AT_FDCWD, "d/none", O_RDWR|O_CREAT, 0644)
      g = openat(AT_FDCWD, "outside", O_RDWR|O_CREAT, 0644)
      symlinkat("file", AT_FDCWD, "d/inner")
      symlinkat("../file", AT_FDCWD, "d/sub/up")
      symlinkat("../outside", AT_FDCWD, "d/outer")
      symlinkat("/none", AT_FDCWD, "d/absolute")
      symlinkat("new", AT_FDCWD, "d/dangling")
      d = openat(AT_FDCWD, "d", O_RDONLY|O_DIRECTORY, 0)`;

export const pathScenarios: readonly Scenario[] = [
  {
    name: "openat2: what its structure may say",
    script: `${tree}
      openat2(d, "file", longs(O_RDONLY, 0, 0), 24)
      openat2(d, "file", longs(O_RDONLY, 0, 0), 23)
      openat2(d, "file", longs(O_RDONLY, 0, 0, 0), 32)
      openat2(d, "file", longs(O_RDONLY, 0, 0, 1), 32)
      openat2(d, "file", longs(O_RDONLY, 0, 0), 5000)
      openat2(d, "file", BAD, 24)
      openat2(d, BAD, longs(O_RDONLY, 0, 0), 24)
      openat2(d, "file", longs(0x80000000, 0, 0), 24)
      openat2(d, "file", longs(-1, 0, 0), 24)
      openat2(d, "file", longs(O_RDONLY, 0644, 0), 24)
      openat2(d, "made", longs(O_RDWR|O_CREAT, 0644, 0), 24)
      openat2(d, "made2", longs(O_RDWR|O_CREAT, 010000, 0), 24)
      openat2(d, "file", longs(O_RDONLY, 0, 0x40), 24)
      openat2(d, "file", longs(O_RDONLY, 0, ${BENEATH | IN_ROOT}), 24)
      openat2(d, "file", longs(O_PATH|O_RDWR, 0, 0), 24)
      openat2(d, "file", longs(O_PATH|O_NOFOLLOW, 0, 0), 24)
      openat2(d, "file", longs(O_RDONLY|O_TRUNC, 0, ${CACHED}), 24)
      openat2(d, "", longs(O_RDONLY, 0, ${BENEATH}), 24)
      openat2(99, "file", longs(O_RDONLY, 0, ${BENEATH}), 24)
      openat2(f, "file", longs(O_RDONLY, 0, ${BENEATH}), 24)
      openat2(AT_FDCWD, "d/file", longs(O_RDONLY, 0, ${BENEATH}), 24)`,
  },
  {
    name: "openat2: beneath a directory",
    script: `${tree}
      ${open("file", BENEATH)}
      ${open("sub/../file", BENEATH)}
      ${open("../outside", BENEATH)}
      ${open("sub/../../outside", BENEATH)}
      ${open("..", BENEATH)}
      ${open("/", BENEATH)}
      ${open("inner", BENEATH)}
      ${open("sub/up", BENEATH)}
      ${open("outer", BENEATH)}
      ${open("absolute", BENEATH)}
      ${open("missing", BENEATH)}
      ${open("new", BENEATH, "O_RDWR|O_CREAT", "0644")}
      ${open("../new", BENEATH, "O_RDWR|O_CREAT", "0644")}
      ${open("outer", BENEATH, "O_RDWR|O_CREAT", "0644")}
      ${open("absolute", BENEATH, "O_RDWR|O_CREAT", "0644")}`,
  },
  {
    name: "openat2: in a root",
    script: `${tree}
      ${open("/none", IN_ROOT)}
      ${open("../../../file", IN_ROOT)}
      ${open("absolute", IN_ROOT)}
      ${open("outer", IN_ROOT)}
      ${open("/", IN_ROOT)}
      ${open("/none/none", IN_ROOT)}
      ${open("../made", IN_ROOT, "O_RDWR|O_CREAT", "0644")}
      faccessat(AT_FDCWD, "d/made", 0)`,
  },
  {
    name: "openat2: without symlinks",
    script: `${tree}
      ${open("file", NO_SYMLINKS)}
      ${open("inner", NO_SYMLINKS)}
      ${open("inner", NO_SYMLINKS, "O_PATH|O_NOFOLLOW")}
      ${open("inner", NO_MAGICLINKS)}
      ${open("dangling", NO_SYMLINKS, "O_RDWR|O_CREAT", "0644")}
      ${open("dangling", NO_MAGICLINKS, "O_RDWR|O_CREAT", "0644")}
      ${open("sub/up", NO_SYMLINKS)}
      ${open("file", NO_XDEV)}
      ${open("..", NO_XDEV)}
      ${open("file", CACHED)}`,
  },
];
