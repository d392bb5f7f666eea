/** User and group ids: what root may set, what is left to who is not root, and what files let him do. */
import type { Scenario } from "../script.ts";

const show = `
      getresuid(outint(), NULL, NULL)
      getresuid(outint(), outint(), outint())
      getresgid(outint(), outint(), outint())
      setfsuid(-1)
      setfsgid(-1)`;

export const identityScenarios: readonly Scenario[] = [
  {
    name: "identity: root becomes somebody",
    needsRoot: true,
    script: `
      getgroups(-1, NULL)
      setgroups(3, ints(9, 4, 7))
      getgroups(0, NULL)
      getgroups(2, outint())
      getgroups(3, room(12))
      setgroups(65537, NULL)
      setgroups(1, BAD)
      setgroups(-1, NULL)
      setgid(33)
      setgid(-1)
      setuid(-1)
      setuid(33)
      setuid(0)
      setgid(0)
      setgroups(0, NULL)
      setgid(33)${show}
      getuid()
      geteuid()
      getgid()
      getegid()`,
  },
  {
    name: "identity: saved ids",
    needsRoot: true,
    script: `
      setresuid(-1, 33, 44)${show}
      setuid(55)
      setuid(44)${show}
      setresuid(1, -1, -1)
      setresuid(44, 33, -1)
      setresuid(-1, 0, -1)${show}
      setreuid(-1, 44)
      setreuid(44, -1)
      setreuid(33, 0)${show}`,
  },
  {
    name: "identity: real and effective",
    needsRoot: true,
    script: `
      setregid(5, 6)
      setregid(-1, 5)
      setreuid(-1, 33)${show}
      setreuid(33, 0)${show}
      setreuid(-1, 33)
      setreuid(0, 33)
      setfsuid(0)
      setfsuid(77)
      setfsuid(-1)
      setfsgid(5)
      setfsgid(77)
      setfsgid(-1)
      setregid(6, 5)
      setregid(7, -1)
      setresgid(7, -1, -1)
      setresgid(-1, 5, 6)`,
  },
  {
    name: "identity: files of others",
    needsRoot: true,
    script: `
      umask(0)
      a = openat(AT_FDCWD, "open", O_RDWR|O_CREAT, 0644)
      b = openat(AT_FDCWD, "closed", O_RDWR|O_CREAT, 0600)
      c = openat(AT_FDCWD, "group", O_RDWR|O_CREAT, 0640)
      fchown(c, 0, 7)
      mkdirat(AT_FDCWD, "private", 0700)
      openat(AT_FDCWD, "private/f", O_RDWR|O_CREAT, 0666)
      mkdirat(AT_FDCWD, "sticky", 0777)
      fchmodat(AT_FDCWD, "sticky", 01777)
      openat(AT_FDCWD, "sticky/f", O_RDWR|O_CREAT, 0666)
      mkdirat(AT_FDCWD, "setgid", 0777)
      fchownat(AT_FDCWD, "setgid", 0, 7, 0)
      fchmodat(AT_FDCWD, "setgid", 02777)
      setgroups(1, ints(7))
      setgid(33)
      setresuid(33, 33, 33)
      openat(AT_FDCWD, "open", O_RDONLY, 0)
      openat(AT_FDCWD, "open", O_WRONLY, 0)
      openat(AT_FDCWD, "open", O_RDONLY|O_TRUNC, 0)
      openat(AT_FDCWD, "closed", O_RDONLY, 0)
      openat(AT_FDCWD, "closed", O_PATH, 0)
      openat(AT_FDCWD, "group", O_RDONLY, 0)
      openat(AT_FDCWD, "group", O_RDWR, 0)
      openat(AT_FDCWD, "private", O_RDONLY|O_DIRECTORY, 0)
      openat(AT_FDCWD, "private/f", O_RDONLY, 0)
      openat(AT_FDCWD, "private/none", O_RDONLY, 0)
      newfstatat(AT_FDCWD, "private/f", stat(), 0)
      newfstatat(AT_FDCWD, "private", stat(), 0)
      chdir("private")
      truncate("open", 0)
      faccessat(AT_FDCWD, "closed", R_OK)
      faccessat(AT_FDCWD, "open", R_OK)
      faccessat(AT_FDCWD, "open", X_OK)
      faccessat(AT_FDCWD, "private", X_OK)
      openat(AT_FDCWD, "new", O_RDWR|O_CREAT, 0666)
      mkdirat(AT_FDCWD, "new", 0777)
      symlinkat("open", AT_FDCWD, "new")
      unlinkat(AT_FDCWD, "open", 0)
      unlinkat(AT_FDCWD, "none", 0)
      unlinkat(AT_FDCWD, "private", AT_REMOVEDIR)
      renameat2(AT_FDCWD, "open", AT_FDCWD, "sticky/x", 0)
      unlinkat(AT_FDCWD, "sticky/f", 0)
      renameat2(AT_FDCWD, "sticky/f", AT_FDCWD, "sticky/g", 0)
      fchmodat(AT_FDCWD, "sticky/f", 0600)
      fchownat(AT_FDCWD, "sticky/f", 33, -1, 0)
      utimensat(AT_FDCWD, "sticky/f", NULL, 0)
      utimensat(AT_FDCWD, "sticky/f", longs(5, 0, 5, 0), 0)
      utimensat(AT_FDCWD, "open", NULL, 0)
      openat(AT_FDCWD, "sticky/mine", O_RDWR|O_CREAT, 0666)
      newfstatat(AT_FDCWD, "sticky/mine", stat(), 0)
      fchownat(AT_FDCWD, "sticky/mine", 0, -1, 0)
      fchownat(AT_FDCWD, "sticky/mine", -1, 8, 0)
      fchownat(AT_FDCWD, "sticky/mine", 33, 7, 0)
      fchmodat(AT_FDCWD, "sticky/mine", 02755)
      newfstatat(AT_FDCWD, "sticky/mine", stat(), 0)
      mkdirat(AT_FDCWD, "setgid/d", 0777)
      newfstatat(AT_FDCWD, "setgid/d", stat(), 0)
      mkdirat(AT_FDCWD, "sticky/d", 0777)
      renameat2(AT_FDCWD, "sticky/d", AT_FDCWD, "setgid/e", 0)
      unlinkat(AT_FDCWD, "sticky/mine", 0)
      chroot(".")
      fchmod(a, 0666)
      fchown(c, 33, -1)
      read(b, room(4), 4)`,
  },
];
