/** Memory: every call on mappings of every kind, with addresses and lengths that are right, wrong and nearly so. */
import type { Scenario } from "../script.ts";

const READ_WRITE = "PROT_READ|PROT_WRITE";
const ANONYMOUS = "MAP_PRIVATE|MAP_ANONYMOUS";

/** A file of 10 bytes, in every way it can be open, and descriptors of what is no file. */
const OPENED = `
  ~rw = openat(AT_FDCWD, "file", O_RDWR|O_CREAT, 0644)
  write(rw, "0123456789", 10)
  ~ro = openat(AT_FDCWD, "file", O_RDONLY, 0)
  ~wo = openat(AT_FDCWD, "file", O_WRONLY, 0)
  ~ap = openat(AT_FDCWD, "file", O_RDWR|O_APPEND, 0)
  ~path = openat(AT_FDCWD, "file", O_PATH, 0)
  ~dir = openat(AT_FDCWD, ".", O_RDONLY|O_DIRECTORY, 0)
  pipe2(fds(pr, pw), 0)
  ~s = socket(AF_UNIX, SOCK_STREAM, 0)
  ~e = eventfd2(0, 0)`;

const DESCRIPTORS = ["rw", "ro", "wo", "ap", "path", "dir", "pr", "pw", "s", "e", "99", "-1"];
const TYPES = ["MAP_PRIVATE", "MAP_SHARED", "MAP_SHARED_VALIDATE", "0"];
const PROTECTIONS = ["PROT_NONE", "PROT_READ", "PROT_WRITE", READ_WRITE];

const mapFiles: Scenario[] = DESCRIPTORS.map((descriptor) => ({
  name: `memory: mmap of ${descriptor}`,
  script: [
    OPENED,
    ...TYPES.flatMap((type) =>
      PROTECTIONS.map((protection) => `~mmap(NULL, 4096, ${protection}, ${type}, ${descriptor}, 0)`),
    ),
    `mmap(NULL, 0, PROT_READ, MAP_PRIVATE, ${descriptor}, 0)`,
    `mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, ${descriptor}, 1)`,
    `mmap(NULL, -1, PROT_READ, MAP_PRIVATE, ${descriptor}, 0)`,
    `~mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, ${descriptor}, 4096)`,
  ].join("\n"),
}));

/** Eight pages: two that can be written, a hole, a page for reading, two for nothing, a page of a file, and one that is shared. A ninth keeps what lies behind from being free. */
const LANDSCAPE = `
  ~f = openat(AT_FDCWD, "file", O_RDWR|O_CREAT, 0644)
  write(f, "0123456789", 10)
  ~m = mmap(NULL, 36864, PROT_NONE, ${ANONYMOUS}, -1, 0)
  mprotect(m, 8192, ${READ_WRITE})
  mprotect(m+12288, 4096, PROT_READ)
  munmap(m+8192, 4096)
  ~mmap(m+24576, 4096, ${READ_WRITE}, MAP_PRIVATE|MAP_FIXED, f, 0)
  ~mmap(m+28672, 4096, ${READ_WRITE}, MAP_SHARED|MAP_FIXED, f, 0)`;

/** Ranges of it: a page, two, over the hole, from the hole, of nothing, unaligned, behind everything, beyond all addresses. */
const RANGES = [
  "m, 4096",
  "m, 1",
  "m, 0",
  "m, 8192",
  "m, 12288",
  "m, 32768",
  "m+4096, 8192",
  "m+8192, 4096",
  "m+8192, 8192",
  "m+12288, 4096",
  "m+16384, 8192",
  "m+20480, 12288",
  "m+24576, 4096",
  "m+28672, 4096",
  "m+1, 4096",
  "m, -1",
  "m, -4096",
  "m, -5000",
  "NULL, 4096",
  "NULL, 0",
  "-4096, 4096",
  "-4096, 8192",
];

/** What of the landscape can be read and written afterwards: as the kernel's own copies find it does not tell, so by changing nothing. */
const LOOKING = ["m", "m+4096", "m+8192", "m+12288", "m+16384", "m+20480", "m+24576", "m+28672"]
  .map((page) => `msync(${page}, 4096, MS_ASYNC)`)
  .join("\n");

function onRanges(name: string, call: (range: string) => string): Scenario[] {
  return RANGES.map((range) => ({
    name: `memory: ${name} of ${range}`,
    script: `${LANDSCAPE}\n${call(range)}\n${LOOKING}`,
  }));
}

const ADVICES = [
  "MADV_NORMAL",
  "MADV_WILLNEED",
  "MADV_DONTNEED",
  "MADV_FREE",
  "MADV_DONTFORK",
  "MADV_WIPEONFORK",
  "77",
];

const changing: Scenario[] = [
  ...onRanges("munmap", (range) => `munmap(${range})`),
  ...onRanges("mprotect", (range) => `mprotect(${range}, PROT_READ)\nmprotect(${range}, PROT_READ|0x40)`),
  ...onRanges("madvise", (range) => ADVICES.map((advice) => `madvise(${range}, ${advice})`).join("\n")),
  ...onRanges("msync", (range) =>
    ["MS_SYNC", "MS_ASYNC", "MS_SYNC|MS_ASYNC", "0", "8"].map((flags) => `msync(${range}, ${flags})`).join("\n"),
  ),
  ...onRanges("mlock", (range) => `mlock(${range})\nmunlock(${range})\nmlock2(${range}, 0)\nmlock2(${range}, 2)`),
  ...onRanges("mremap to less", (range) => `~mremap(${range}, 4096, 0, 0)`),
  ...onRanges(
    "mremap to more",
    (range) => `~mremap(${range}, 40960, 0, 0)\n~mremap(${range}, 40960, MREMAP_MAYMOVE, 0)`,
  ),
  ...onRanges(
    "mremap to a place",
    (range) => `~mremap(${range}, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, m+12288)
      ~mremap(${range}, 8192, MREMAP_FIXED, m+12288)
      mremap(${range}, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, m+1)
      mremap(${range}, 0, MREMAP_MAYMOVE, 0)
      mremap(${range}, 8192, 64, 0)`,
  ),
  ...onRanges("MAP_FIXED", (range) => `~mmap(${range}, ${READ_WRITE}, ${ANONYMOUS}|MAP_FIXED, -1, 0)`).filter(
    // Page 0 is never mapped here, by anyone.
    ({ name }) => !name.includes("NULL, 4096"),
  ),
  ...onRanges(
    "MAP_FIXED_NOREPLACE",
    (range) => `~mmap(${range}, PROT_READ, ${ANONYMOUS}|MAP_FIXED_NOREPLACE, -1, 0)`,
  ).filter(({ name }) => !name.includes("NULL, 4096")),
];

export const memoryScenarios: readonly Scenario[] = [
  ...mapFiles,
  ...changing,
  {
    name: "memory: a shared mapping of a file that is open for reading",
    script: `${OPENED}
      ~m = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0)
      mprotect(m, 4096, ${READ_WRITE})
      mprotect(m, 4096, PROT_NONE)
      mprotect(m, 4096, PROT_READ)
      ~p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, ro, 0)
      mprotect(p, 4096, ${READ_WRITE})`,
  },
  {
    name: "memory: a shared mapping and its file",
    script: `${LANDSCAPE}
      ~g = openat(AT_FDCWD, "file", O_RDWR, 0)
      pwrite64(g, "abc", 3, 2)
      write(1, m+28672, 0)
      ftruncate(g, 6)
      pread64(g, room(16), 16, 0)
      pread64(g, m+28672, 4, 2)
      pread64(f, room(16), 16, 0)
      pread64(f, m+24576, 4, 2)
      pread64(f, room(16), 16, 0)
      munmap(m, 32768)
      pread64(f, room(16), 16, 0)`,
  },
  {
    name: "memory: locking all",
    script: `
      mlockall(0)
      mlockall(4)
      mlockall(8)
      mlockall(MCL_CURRENT|8)
      munlockall()`,
  },
  {
    name: "memory: residence",
    script: `${LANDSCAPE}
      mincore(m+8192, 4096, room(8))
      mincore(m+1, 4096, room(8))
      mincore(m, 4096, BAD)
      mincore(m, 32768, room(8))
      mincore(m, 0, BAD)
      mincore(m, -1, room(8))`,
  },
  {
    name: "memory: a memfd",
    script: `
      ~a = memfd_create("name", 0)
      write(a, "0123456789", 10)
      lseek(a, 0, SEEK_SET)
      read(a, room(16), 16)
      ~fcntl(a, F_GETFL, 0)
      fcntl(a, F_GETFD, 0)
      fcntl(a, F_GET_SEALS, 0)
      fcntl(a, F_ADD_SEALS, 2)
      ~b = memfd_create("name", MFD_CLOEXEC|MFD_ALLOW_SEALING)
      fcntl(b, F_GETFD, 0)
      fcntl(b, F_GET_SEALS, 0)
      write(b, "0123456789", 10)
      fcntl(b, F_ADD_SEALS, 2)
      ftruncate(b, 5)
      ftruncate(b, 20)
      fcntl(b, F_ADD_SEALS, 4)
      ftruncate(b, 30)
      pwrite64(b, "x", 1, 20)
      pwrite64(b, "x", 1, 5)
      fcntl(b, F_ADD_SEALS, 64)
      ~m = mmap(NULL, 4096, ${READ_WRITE}, MAP_SHARED, b, 0)
      fcntl(b, F_ADD_SEALS, 8)
      munmap(m, 4096)
      fcntl(b, F_ADD_SEALS, 8)
      pwrite64(b, "x", 1, 5)
      fcntl(b, F_ADD_SEALS, 1)
      fcntl(b, F_ADD_SEALS, 1)
      fcntl(b, F_GET_SEALS, 0)
      memfd_create("name", 16)
      memfd_create(BAD, 0)
      memfd_create("${"x".repeat(249)}", 0)
      memfd_create("${"x".repeat(250)}", 0)
      ~f = openat(AT_FDCWD, "file", O_RDWR|O_CREAT, 0644)
      fcntl(f, F_GET_SEALS, 0)
      fcntl(f, F_ADD_SEALS, 0)`,
  },
  {
    name: "memory: barriers",
    script: `
      ~membarrier(0, 0, 0)
      membarrier(8, 0, 0)
      membarrier(16, 0, 0)
      membarrier(8, 0, 0)
      membarrier(0, 1, 0)
      membarrier(1073741824, 0, 0)`,
  },
];
