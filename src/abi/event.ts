/** eventfd(2), timerfd_create(2), signalfd(2), pidfd_open(2) and epoll_create1(2): their flags. */

export const EFD_SEMAPHORE = 1;
export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;
export const TFD_NONBLOCK = 0o4000;
export const TFD_CLOEXEC = 0o2000000;
export const TFD_TIMER_ABSTIME = 1;
export const TFD_TIMER_CANCEL_ON_SET = 2;
export const PIDFD_NONBLOCK = 0o4000;
export const EPOLL_CLOEXEC = 0o2000000;
export const SFD_NONBLOCK = 0o4000;
export const SFD_CLOEXEC = 0o2000000;
/** sizeof(struct signalfd_siginfo). */
export const SIGNALFD_SIGINFO_BYTES = 128;
