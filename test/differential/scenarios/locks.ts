/** Advisory locks: ranges and whole files, what merges and splits, what is let go by a close. */
import type { Scenario } from "../script.ts";

const open = `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      g = openat(AT_FDCWD, "f", O_RDWR, 0)
      h = openat(AT_FDCWD, "f", O_RDONLY, 0)
      write(f, fill(100), 100)`;

export const lockScenarios: readonly Scenario[] = [
  {
    name: "locks: what a struct flock may say",
    script: `${open}
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 10, 0))
      fcntl(f, F_SETLK, lock(3, SEEK_SET, 0, 10, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, 3, 0, 10, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, -1, 10, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 5, -6, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 5, -5, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_CUR, -100, 10, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_CUR, -101, 10, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_END, -101, 10, 0))
      fcntl(f, F_SETLK, lock(3, 3, 0, 10, 0))
      fcntl(h, F_SETLK, lock(3, SEEK_SET, 0, 10, 0))
      fcntl(h, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 10, 0))
      fcntl(h, F_SETLK, lock(F_RDLCK, SEEK_SET, 0, 10, 0))
      fcntl(f, F_GETLK, lock(F_UNLCK, SEEK_SET, 0, 10, 0))
      fcntl(f, F_GETLK, lock(F_WRLCK, 3, 0, 10, 0))
      fcntl(f, F_GETLK, lock(F_WRLCK, SEEK_SET, 0, 10, 0))
      fcntl(h, F_GETLK, lock(F_WRLCK, SEEK_SET, 0, 10, 0))
      fcntl(f, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 20, 10, 7))
      fcntl(h, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 20, 10, 7))
      fcntl(f, F_OFD_GETLK, lock(F_WRLCK, SEEK_SET, 20, 10, 7))
      fcntl(f, F_SETLK, NULL)
      fcntl(f, F_SETLK, BAD)
      fcntl(99, F_SETLK, BAD)`,
  },
  {
    name: "locks: of descriptions",
    script: `${open}
      fcntl(f, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 10, 10, 0))
      fcntl(g, F_OFD_SETLK, lock(F_RDLCK, SEEK_SET, 0, 11, 0))
      fcntl(g, F_OFD_SETLK, lock(F_RDLCK, SEEK_SET, 0, 10, 0))
      fcntl(g, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 20, 0, 0))
      fcntl(g, F_SETLK, lock(F_WRLCK, SEEK_SET, 19, 1, 0))
      fcntl(g, F_OFD_GETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      fcntl(f, F_OFD_GETLK, lock(F_RDLCK, SEEK_SET, 0, 20, 0))
      fcntl(f, F_OFD_GETLK, lock(F_WRLCK, SEEK_SET, 0, 20, 0))
      fcntl(f, F_OFD_GETLK, lock(F_WRLCK, SEEK_SET, 30, 20, 0))
      fcntl(f, F_OFD_SETLK, lock(F_UNLCK, SEEK_SET, 13, 2, 0))
      fcntl(g, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 13, 2, 0))
      fcntl(g, F_OFD_GETLK, lock(F_WRLCK, SEEK_SET, 0, 15, 0))
      fcntl(f, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 13, 2, 0))
      d = dup(f)
      close(f)
      fcntl(g, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 10, 1, 0))
      close(d)
      fcntl(g, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      fcntl(h, F_OFD_GETLK, lock(F_RDLCK, SEEK_SET, 50, 1, 0))`,
  },
  {
    name: "locks: a close lets go of the process's",
    script: `${open}
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      fcntl(g, F_OFD_SETLK, lock(F_RDLCK, SEEK_SET, 0, 1, 0))
      close(h)
      fcntl(g, F_OFD_SETLK, lock(F_RDLCK, SEEK_SET, 0, 1, 0))
      fcntl(f, F_SETLK, lock(F_RDLCK, SEEK_SET, 0, 1, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 1, 0))
      fcntl(f, F_SETLK, lock(F_WRLCK, SEEK_SET, 1, 1, 0))
      fcntl(g, F_OFD_GETLK, lock(F_RDLCK, SEEK_SET, 90, 0, 0))
      h = dup(g)
      dup3(f, h, 0)
      fcntl(g, F_OFD_GETLK, lock(F_RDLCK, SEEK_SET, 0, 0, 0))`,
  },
  {
    name: "locks: waiting for them",
    script: `${open}
      fcntl(f, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 0, 10, 0))
      @1: fcntl(g, F_OFD_SETLKW, lock(F_WRLCK, SEEK_SET, 5, 10, 0))
      settle(20)
      fcntl(f, F_OFD_SETLK, lock(F_UNLCK, SEEK_SET, 0, 5, 0))
      settle(20)
      fcntl(f, F_OFD_SETLK, lock(F_RDLCK, SEEK_SET, 0, 10, 0))
      settle(20)
      fcntl(f, F_OFD_SETLK, lock(F_UNLCK, SEEK_SET, 5, 1, 0))
      fcntl(f, F_OFD_SETLK, lock(F_UNLCK, SEEK_SET, 0, 0, 0))
      join(1)
      fcntl(f, F_OFD_SETLKW, lock(F_WRLCK, SEEK_SET, 0, 5, 0))
      fcntl(f, F_SETLKW, lock(F_WRLCK, SEEK_SET, 0, 5, 0))
      @2: flock(f, LOCK_EX)
      join(2)
      @3: flock(g, LOCK_SH)
      settle(20)
      flock(f, LOCK_SH)
      join(3)`,
  },
  {
    name: "locks: whole files",
    script: `${open}
      flock(f, LOCK_SH)
      flock(g, LOCK_SH)
      flock(h, LOCK_SH|LOCK_NB)
      flock(f, LOCK_EX|LOCK_NB)
      flock(g, LOCK_UN)
      flock(h, LOCK_EX|LOCK_NB)
      flock(f, LOCK_SH|LOCK_NB)
      flock(f, LOCK_EX|LOCK_NB)
      flock(f, LOCK_UN|LOCK_NB)
      flock(f, 0)
      flock(f, 3)
      flock(99, 3)
      flock(99, LOCK_SH)
      flock(h, LOCK_EX)
      d = dup(h)
      close(h)
      flock(f, LOCK_SH|LOCK_NB)
      flock(d, LOCK_SH)
      flock(f, LOCK_SH|LOCK_NB)
      close(d)
      flock(f, LOCK_EX|LOCK_NB)
      fcntl(g, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      p = openat(AT_FDCWD, "f", O_PATH, 0)
      flock(p, LOCK_SH)
      s = openat(AT_FDCWD, ".", O_RDONLY|O_DIRECTORY, 0)
      flock(s, LOCK_EX)
      fcntl(s, F_SETLK, lock(F_RDLCK, SEEK_SET, 0, 0, 0))`,
  },
  {
    name: "locks: on what is no file",
    script: `
      pipe2(fds(r, w), 0)
      fcntl(r, F_SETLK, lock(F_RDLCK, SEEK_SET, 0, 0, 0))
      fcntl(r, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      fcntl(w, F_OFD_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      flock(r, LOCK_EX|LOCK_NB)
      flock(w, LOCK_EX|LOCK_NB)
      s = socket(AF_INET, SOCK_DGRAM, 0)
      fcntl(s, F_SETLK, lock(F_WRLCK, SEEK_SET, 0, 0, 0))
      flock(s, LOCK_EX)`,
  },
];
