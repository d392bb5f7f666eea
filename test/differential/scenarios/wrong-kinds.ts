/** Every call on every kind of descriptor: EBADF, ENOTSOCK, ESPIPE, EISDIR and their like, and which of them comes first. */
import type { Scenario } from "../script.ts";

/** How to get a descriptor `x` of each kind. */
const kinds: Readonly<Record<string, string>> = {
  "no descriptor": "x = fcntl(-1, F_GETFD, 0)",
  "a closed one": "x = eventfd2(0, 0)\nclose(x)",
  "a large one": "x = lseek(-1, 0, 0)",
  "a file":
    'f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)\nwrite(f, "0123456789", 10)\nx = openat(AT_FDCWD, "f", O_RDWR, 0)',
  "a file to read":
    'f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)\nwrite(f, "0123456789", 10)\nx = openat(AT_FDCWD, "f", O_RDONLY, 0)',
  "a file to write": 'x = openat(AT_FDCWD, "f", O_WRONLY|O_CREAT, 0644)',
  "a directory": 'mkdirat(AT_FDCWD, "d", 0755)\nx = openat(AT_FDCWD, "d", O_RDONLY|O_DIRECTORY, 0)',
  "a path": 'f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)\nx = openat(AT_FDCWD, "f", O_PATH, 0)',
  "a path of a directory": 'mkdirat(AT_FDCWD, "d", 0755)\nx = openat(AT_FDCWD, "d", O_PATH|O_DIRECTORY, 0)',
  "a path of a link": 'symlinkat("f", AT_FDCWD, "l")\nx = openat(AT_FDCWD, "l", O_PATH|O_NOFOLLOW, 0)',
  "/dev/null": 'x = openat(AT_FDCWD, "/dev/null", O_RDWR, 0)',
  "/dev/zero": 'x = openat(AT_FDCWD, "/dev/zero", O_RDWR, 0)',
  "/dev/full": 'x = openat(AT_FDCWD, "/dev/full", O_RDWR, 0)',
  "a pipe to read": 'pipe2(fds(x, w), O_NONBLOCK)\nwrite(w, "piped", 5)',
  "a pipe to write": "pipe2(fds(r, x), O_NONBLOCK)",
  "a TCP socket": "x = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)",
  "a UDP socket": "x = socket(AF_INET, SOCK_DGRAM|SOCK_NONBLOCK, 0)",
  "a stream of a pair": 'socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0, fds(x, y))\nwrite(y, "paired", 6)',
  "datagrams of a pair": 'socketpair(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK, 0, fds(x, y))\nwrite(y, "paired", 6)',
  "an epoll set": "x = epoll_create1(0)",
  "an eventfd": "x = eventfd2(3, EFD_NONBLOCK)",
  "a timerfd": "x = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)",
};

/** Calls that have a descriptor, in families: each is one scenario. */
const calls: Readonly<Record<string, string>> = {
  read: `read(x, room(4), 4)
    read(x, NULL, 0)
    readv(x, iov(room(2), room(2)), 2)
    readv(x, NULL, 0)
    readv(x, iov(room(2)), -1)
    readv(x, iov(room(2)), 1025)
    preadv2(x, iov(room(2)), 1, -1, 0, 0)`,
  "read at a position": `pread64(x, room(4), 4, 1)
    pread64(x, room(4), 0, 0)
    pread64(x, room(4), 4, -1)
    preadv(x, iov(room(2), room(2)), 2, 0)
    preadv(x, iov(room(2)), 1, -1)
    pread64(x, room(4), 4, 1000000)`,
  write: `write(x, "12345678", 8)
    write(x, NULL, 0)
    writev(x, iov("12345678"), 1)
    writev(x, NULL, 0)
    writev(x, iov("1"), 1025)
    pwritev2(x, iov("12345678"), 1, -1, 0, 0)`,
  "write at a position": `pwrite64(x, "abc", 3, 1)
    pwrite64(x, "abc", 0, 0)
    pwrite64(x, "abc", 3, -1)
    pwritev(x, iov("abc"), 1, 0)
    pwritev(x, iov("abc"), 1, -1)`,
  lseek: `lseek(x, 0, SEEK_SET)
    lseek(x, 5, SEEK_CUR)
    lseek(x, 0, SEEK_END)
    lseek(x, -1, SEEK_SET)
    lseek(x, 0, 9)
    lseek(x, 0, SEEK_DATA)
    lseek(x, 0, SEEK_HOLE)`,
  size: `ftruncate(x, 5)
    ftruncate(x, -1)
    fallocate(x, 0, 0, 8)
    fallocate(x, 0, 0, 0)
    fallocate(x, 0, -1, 5)
    fallocate(x, 0x100000, 0, 1)
    fsync(x)
    fdatasync(x)`,
  directory: `getdents64(x, entries(512), 512)
    fchdir(x)
    openat(x, "none", O_RDONLY, 0)
    openat(x, "", O_RDONLY, 0)
    mkdirat(x, "new", 0755)
    unlinkat(x, "none", 0)
    readlinkat(x, "none", room(9), 9)
    readlinkat(x, "", room(9), 9)
    newfstatat(x, "none", stat(), 0)
    faccessat(x, "none", F_OK)
    renameat2(x, "a", x, "b", 0)
    linkat(x, "a", x, "b", 0)
    symlinkat("t", x, "none/b")`,
  attributes: `fchmod(x, 0600)
    fchown(x, -1, -1)
    utimensat(x, NULL, longs(1, 0, 2, 0), 0)
    fchmodat(x, "none", 0600)
    fchownat(x, "", -1, -1, AT_EMPTY_PATH)
    utimensat(x, "", longs(1, 0, 2, 0), AT_EMPTY_PATH)
    utimensat(x, "", longs(1, 0, 2, 0), 0)`,
  fcntl: `fcntl(x, F_GETFD, 0)
    fcntl(x, F_SETFD, FD_CLOEXEC)
    fcntl(x, F_GETFD, 0)
    ~fcntl(x, F_GETFL, 0)
    fcntl(x, F_SETFL, O_NONBLOCK)
    fcntl(x, F_GETOWN, 0)
    fcntl(x, F_GETPIPE_SZ, 0)
    fcntl(x, F_SETPIPE_SZ, 8192)
    fcntl(x, F_DUPFD, 40)
    fcntl(x, F_DUPFD_CLOEXEC, 41)
    fcntl(x, F_DUPFD, -1)
    fcntl(x, F_DUPFD, 64)
    fcntl(x, 4711, 0)`,
  ioctl: `ioctl(x, FIONBIO, ints(1))
    ioctl(x, FIOCLEX, 0)
    fcntl(x, F_GETFD, 0)
    ioctl(x, FIONCLEX, 0)
    fcntl(x, F_GETFD, 0)
    ioctl(x, FIONREAD, outint())
    ioctl(x, TCGETS, room(64))
    ioctl(x, TIOCGWINSZ, room(8))
    ioctl(x, SIOCOUTQ, outint())
    ioctl(x, SIOCATMARK, outint())
    ioctl(x, 0x12345, 0)`,
  dup: `d = dup(x)
    dup3(x, 30, 0)
    dup3(x, x, 0)
    dup3(x, 31, O_CLOEXEC)
    dup3(x, 31, O_NONBLOCK)
    dup3(x, 64, 0)
    dup3(x, -1, 0)
    fcntl(31, F_GETFD, 0)
    close(x)
    close(x)`,
  socket: `bind(x, in(127.0.0.1, 0), 16)
    listen(x, 1)
    accept4(x, NULL, NULL, O_NONBLOCK)
    accept4(x, NULL, NULL, 1)
    accept(x, NULL, NULL)
    getsockname(x, room(16), ints(0))
    getpeername(x, room(16), ints(0))
    shutdown(x, SHUT_WR)
    shutdown(x, 7)`,
  "socket options": `setsockopt(x, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
    getsockopt(x, SOL_SOCKET, SO_TYPE, value(4), len(4))
    getsockopt(x, SOL_SOCKET, SO_PROTOCOL, value(4), len(4))
    getsockopt(x, SOL_SOCKET, SO_DOMAIN, value(4), len(4))
    setsockopt(x, SOL_SOCKET, SO_REUSEADDR, NULL, 4)
    setsockopt(x, SOL_SOCKET, SO_REUSEADDR, ints(1), -1)
    getsockopt(x, IPPROTO_TCP, TCP_NODELAY, value(4), len(4))
    getsockopt(x, 4711, 1, value(4), len(4))`,
  messages: `sendto(x, "12", 2, MSG_NOSIGNAL, NULL, 0)
    sendto(x, BAD, 2, MSG_NOSIGNAL, BAD, 16)
    recvfrom(x, room(9), 9, MSG_DONTWAIT, NULL, NULL)
    recvfrom(x, room(9), 9, MSG_DONTWAIT, BAD, BAD)
    sendmsg(x, msg(NULL, 0, iov("34"), 1, NULL, 0), MSG_NOSIGNAL)
    sendmsg(x, BAD, 0)
    recvmsg(x, msg(NULL, 0, iov(room(9)), 1, NULL, 0), MSG_DONTWAIT)
    recvmsg(x, BAD, MSG_DONTWAIT)`,
  connect: `connect(x, in(127.0.0.1, 1), 16)
    connect(x, in(127.0.0.1, 1), 1)
    connect(x, un("/none"), 8)
    connect(x, BAD, 16)
    connect(x, BAD, 200)`,
  sendfile: `g = openat(AT_FDCWD, "g", O_RDWR|O_CREAT, 0644)
    write(g, "given", 5)
    sendfile(x, g, NULL, 4)
    sendfile(x, g, longs(0), 4)
    sendfile(g, x, NULL, 2)
    sendfile(g, x, longs(1), 2)
    sendfile(x, x, NULL, 1)`,
  poll: `ppoll(pollfds(x:POLLIN|POLLOUT|POLLPRI|POLLRDHUP), 1, longs(0, 0), NULL, 8)
    ppoll(pollfds(x:0), 1, longs(0, 0), NULL, 8)
    pselect6(64, set(x), set(), NULL, longs(0, 0), NULL)
    pselect6(64, set(), set(x), set(x), longs(0, 0), NULL)`,
  epoll: `e = epoll_create1(0)
    epoll_ctl(e, EPOLL_CTL_ADD, x, event(EPOLLIN|EPOLLOUT|EPOLLRDHUP, 7))
    epoll_pwait(e, events(4), 4, 0, NULL, 8)
    epoll_ctl(e, EPOLL_CTL_ADD, x, event(EPOLLIN, 7))
    epoll_ctl(e, EPOLL_CTL_MOD, x, event(EPOLLOUT, 8))
    epoll_ctl(e, EPOLL_CTL_DEL, x, NULL)
    epoll_ctl(e, EPOLL_CTL_DEL, x, NULL)
    epoll_ctl(x, EPOLL_CTL_ADD, e, event(EPOLLIN, 1))
    epoll_pwait(x, events(4), 4, 0, NULL, 8)
    epoll_pwait(x, events(4), 0, 0, NULL, 8)`,
  timer: `timerfd_settime(x, 0, longs(0, 0, 0, 0), NULL)
    timerfd_gettime(x, outlongs(4))
    timerfd_settime(x, 8, longs(0, 0, 0, 0), NULL)
    timerfd_settime(x, 0, longs(0, -1, 0, 0), NULL)`,
  status: `~fstat(x, stat())
    ~newfstatat(x, "", stat(), AT_EMPTY_PATH)
    newfstatat(x, "", stat(), 0)
    ~fstatfs(x, room(120))
    ~statx(x, "", AT_EMPTY_PATH, STATX_BASIC_STATS, room(256))`,
};

export const wrongKindScenarios: readonly Scenario[] = Object.entries(kinds).flatMap(([kind, make]) =>
  Object.entries(calls)
    // On Linux the devices are those of the machine, which is to keep them as they are.
    .filter(([family]) => !(family === "attributes" && kind.startsWith("/dev/")))
    .map(([family, script]) => ({
      name: `kinds: ${family} of ${kind}`,
      script: `${make}\n${kind === "a large one" ? script.replaceAll(/\bx\b/g, "1000000") : script}`,
    })),
);
