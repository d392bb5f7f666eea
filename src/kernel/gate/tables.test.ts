import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgramLoader } from "../exec/spawn.ts";
import { makeSyscallTables } from "./tables.ts";

const tables = makeSyscallTables({} as ProgramLoader);

/** Name and number as Linux's asm-generic/unistd.h pairs them, and the specification for its own. */
const expected: readonly (readonly ["linux" | "akuma", number, string])[] = [
  ["linux", 17, "getcwd"],
  ["linux", 20, "epoll_create1"],
  ["linux", 23, "dup"],
  ["linux", 25, "fcntl"],
  ["linux", 35, "unlinkat"],
  ["linux", 56, "openat"],
  ["linux", 57, "close"],
  ["linux", 59, "pipe2"],
  ["linux", 61, "getdents64"],
  ["linux", 62, "lseek"],
  ["linux", 63, "read"],
  ["linux", 64, "write"],
  ["linux", 73, "ppoll"],
  ["linux", 79, "newfstatat"],
  ["linux", 80, "fstat"],
  ["linux", 93, "exit"],
  ["linux", 94, "exit_group"],
  ["linux", 101, "nanosleep"],
  ["linux", 113, "clock_gettime"],
  ["linux", 129, "kill"],
  ["linux", 160, "uname"],
  ["linux", 172, "getpid"],
  ["linux", 198, "socket"],
  ["linux", 200, "bind"],
  ["linux", 201, "listen"],
  ["linux", 202, "accept"],
  ["linux", 203, "connect"],
  ["linux", 204, "getsockname"],
  ["linux", 205, "getpeername"],
  ["linux", 206, "sendto"],
  ["linux", 207, "recvfrom"],
  ["linux", 208, "setsockopt"],
  ["linux", 209, "getsockopt"],
  ["linux", 210, "shutdown"],
  ["linux", 211, "sendmsg"],
  ["linux", 212, "recvmsg"],
  ["linux", 214, "brk"],
  ["linux", 222, "mmap"],
  ["linux", 242, "accept4"],
  ["linux", 260, "wait4"],
  ["linux", 276, "renameat2"],
  ["linux", 278, "getrandom"],
  ["linux", 300, "resolve_host"],
  ["linux", 301, "spawn"],
  ["akuma", 0, "exit"],
  ["akuma", 1, "read"],
  ["akuma", 2, "write"],
  ["akuma", 3, "brk"],
  ["akuma", 56, "openat"],
  ["akuma", 57, "close"],
  ["akuma", 62, "lseek"],
  ["akuma", 80, "fstat"],
  ["akuma", 101, "nanosleep"],
  ["akuma", 198, "socket"],
  ["akuma", 210, "shutdown"],
  ["akuma", 215, "munmap"],
  ["akuma", 216, "uptime"],
  ["akuma", 222, "mmap"],
  ["akuma", 300, "resolve_host"],
];

test("calls stand under their numbers", () => {
  for (const [abi, number, name] of expected)
    assert.equal(tables[abi].definitions[number]?.name, name, `${abi} ${number}`);
});

test("the akuma ABI gives openat the path's length, and nanosleep its time by value", () => {
  assert.deepEqual(tables.akuma.definitions[56]?.arguments.slice(0, 3), ["dirfd", "sized-path", "size"]);
  assert.deepEqual(tables.akuma.definitions[101]?.arguments, ["long", "long"]);
});

test("no call has more than six arguments", () => {
  for (const { definitions } of [tables.linux, tables.akuma]) {
    for (const line of definitions) assert.ok((line?.arguments.length ?? 0) <= 6, line?.name);
  }
});

/** Of x0 to x5: "i" the lower half, signed; "u" the lower half; "w" all of it, as Linux's prototypes have it. */
const prototypes: readonly (readonly [string, string])[] = [
  ["lseek", "iwi"],
  ["read", "iww"],
  ["pread64", "iwww"],
  ["mmap", "wwiiiw"],
  ["bind", "iwi"],
  ["connect", "iwi"],
  ["sendto", "iwwiwi"],
  ["setsockopt", "iiiwi"],
  ["ioctl", "iuw"],
  ["fcntl", "iiw"],
  ["fallocate", "iuww"],
  ["prctl", "iwwww"],
  ["personality", "u"],
  ["statx", "iwiuw"],
  ["preadv2", "iwiwwu"],
  ["copy_file_range", "iwiwwu"],
  ["sync_file_range", "iwwu"],
  ["renameat2", "iwiwu"],
  ["memfd_create", "wu"],
  ["close_range", "uuu"],
  ["clone", "uwwww"],
  ["futex", "wiiwwi"],
  ["waitid", "iiwiw"],
  ["kill", "ii"],
  ["mremap", "wwwww"],
  ["msync", "wwu"],
  ["umask", "u"],
  ["mknodat", "iwuu"],
];

test("registers are read as wide as Linux's prototypes say", () => {
  const { definitions, registerKinds } = tables.linux;
  for (const [name, kinds] of prototypes) {
    const line = definitions.find((definition) => definition?.name === name);
    const read = registerKinds[line?.number ?? -1] ?? 0;
    const letters = line?.arguments.map((_, index) => "iuw"[(read >> (2 * index)) & 3]).join("");
    assert.equal(letters, kinds, name);
  }
});
