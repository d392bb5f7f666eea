/** Linux's constants for programs: errno, flags, signals, sockets, clocks. */
export * from "../../abi/errno.ts";
export * from "../../abi/file.ts";
export * from "../../abi/poll.ts";
/** epoll(7) uses the values of poll(2) for the common events. */
export {
  POLLERR as EPOLLERR,
  POLLHUP as EPOLLHUP,
  POLLIN as EPOLLIN,
  POLLOUT as EPOLLOUT,
  POLLRDHUP as EPOLLRDHUP,
} from "../../abi/poll.ts";
export * from "../../abi/signal.ts";
export * from "../../abi/socket.ts";
export * from "../../abi/time.ts";
