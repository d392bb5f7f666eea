/** Readiness masks of poll(2) and epoll(7), and epoll's own numbers. */

export const POLLIN = 0x1;
export const POLLPRI = 0x2;
export const POLLOUT = 0x4;
export const POLLERR = 0x8;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;
export const POLLRDNORM = 0x40;
export const POLLWRNORM = 0x100;
export const POLLRDHUP = 0x2000;

export const EPOLLET: number = 1 << 31;
export const EPOLLONESHOT: number = 1 << 30;
export const EPOLLEXCLUSIVE: number = 1 << 28;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
/** sizeof(struct epoll_event) on arm64 (not packed, unlike x86-64): events at 0, data at 8. */
export const EPOLL_EVENT_BYTES = 16;
/** sizeof(struct pollfd): fd at 0, events at 4, revents at 6. */
export const POLLFD_BYTES = 8;
