/*
 * Lives of processes: random but repeatable sequences of fork, execve, threads, signals, stops and waits, and what everybody saw
 * of them. Compiled for the host it runs on Linux, and for arm64 in a kernel of Akuma; both print the same.
 *
 *     lives FIRST-SEED SEEDS
 *
 * A life is a process with up to four children. Each child does what it is told through a pipe, and tells through another what
 * came of it and which signals it got. After each order everybody gets time, so that there is only one outcome.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 4
#define STEPS 40
#define LIFE_SECONDS 20
#ifndef SETTLE_MILLISECONDS
#define SETTLE_MILLISECONDS 30
#endif

struct order {
	int kind, signal, value, more;
};

/* What a child tells: the answer to an order, a signal, or an interrupted read. */
struct news {
	int kind, a, b, c;
};

enum { ANSWER = 1, SIGNAL, INTERRUPTED };

static const int signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGCONT, SIGCONT, SIGSTOP,
	SIGTSTP, SIGTTIN, SIGURG, SIGWINCH, 34, 34, 35, SIGSEGV, SIGKILL};
#define SIGNALS (int)(sizeof signals / sizeof *signals)

static unsigned seed;

static int below(int limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return (int)(seed % (unsigned)limit);
}

static void settle(void)
{
	struct timespec time = {0, SETTLE_MILLISECONDS * 1000000L};
	while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

static int outcome(long value)
{
	return value == -1 ? -errno : (int)value;
}

/* A dump of memory is the host's affair. */
static int without_dump(int status)
{
	return WIFSIGNALED(status) ? status & 0x7f : status;
}

/* ---- children ---- */

static int orders_fd, news_fd;
static pid_t parent;
static char self[128], alternate[65536];
static struct order current;

static void tell(int kind, int a, int b, int c)
{
	struct news news = {kind, a, b, c};
	if (write(news_fd, &news, sizeof news) != sizeof news) _exit(99);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	int saved = errno;
	char here;
	int on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
	/* Whose number it is differs; what a timer or a child means is in the code. */
	tell(SIGNAL, signal | on_alternate << 8, info->si_code, info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
	errno = saved;
}

static void execute(void)
{
	char orders[12], news[12], origin[12];
	snprintf(orders, sizeof orders, "%d", orders_fd);
	snprintf(news, sizeof news, "%d", news_fd);
	snprintf(origin, sizeof origin, "%d", (int)parent);
	execl(self, self, "child", orders, news, origin, (char *)NULL);
	tell(ANSWER, 'X', -errno, 0);
}

static void *obey_orders(void *unused);

static void *be_thread(void *given)
{
	struct order order = *(struct order *)given;
	if (order.more % 4 == 1) pthread_kill(pthread_self(), order.signal);
	if (order.more % 4 == 2) _exit(order.value);
	if (order.more % 4 == 3) execute();
	return NULL;
}

static void start_thread(const struct order *order)
{
	pthread_t thread;
	current = *order;
	if (order->more == 4) {
		/* The thread goes on in place of the process's first one. */
		if (pthread_create(&thread, NULL, obey_orders, NULL) == 0) syscall(SYS_exit, 5);
		return;
	}
	if (pthread_create(&thread, NULL, be_thread, &current) == 0) pthread_join(thread, NULL);
}

static void handle(const struct order *order)
{
	struct sigaction action = {0};
	static const int flags[] = {SA_RESTART, SA_NODEFER, SA_RESETHAND, SA_ONSTACK, SA_NOCLDSTOP, SA_NOCLDWAIT};
	action.sa_sigaction = on_signal;
	for (int k = 0; k < 6; k++) action.sa_flags |= (order->more >> k & 1) != 0 ? flags[k] : 0;
	action.sa_flags |= SA_SIGINFO;
	if (order->value % 2 == 0) sigfillset(&action.sa_mask);
	tell(ANSWER, 'H', outcome(sigaction(order->signal, &action, NULL)), 0);
}

static void dispose(const struct order *order, void (*handler)(int))
{
	tell(ANSWER, 'D', signal(order->signal, handler) == SIG_ERR ? -errno : 0, 0);
}

static int pending(void)
{
	sigset_t set;
	int mask = 0;
	sigpending(&set);
	for (int k = 0; k < SIGNALS; k++) mask |= sigismember(&set, signals[k]) << k;
	return mask;
}

/* A descendant that ends in its own way; what wait4(2) says of it. */
static void raise_child(const struct order *order)
{
	int status = 0;
	pid_t process = order->more % 2 == 0 ? fork() : vfork();
	if (process == 0) {
		/* Handlers would speak in the child's name. */
		if (order->more % 4 == 0) signal(order->signal, SIG_DFL), kill(getpid(), order->signal);
		_exit(order->value);
	}
	settle();
	int waited = outcome(waitpid(process, &status, WNOHANG | WUNTRACED));
	tell(ANSWER, 'F', waited > 0 ? waited == process : waited, without_dump(status));
	if (waited != process || WIFSTOPPED(status)) {
		kill(process, SIGKILL);
		while (waitpid(process, NULL, 0) < 0 && errno == EINTR) continue;
	}
}

static void obey(const struct order *order)
{
	sigset_t set;
	siginfo_t info = {0};
	struct timespec none = {0, 0};
	struct itimerval soon = {{0, 0}, {0, 1000}};
	union sigval value = {order->value};
	sigemptyset(&set);
	sigaddset(&set, order->signal);
	switch (order->kind) {
	case 'E':
		_exit(order->value);
	case 'K':
		tell(ANSWER, 'K', outcome(kill(getpid(), order->signal)), 0);
		return;
	case 'R':
		tell(ANSWER, 'R', pthread_kill(pthread_self(), order->signal), 0);
		return;
	case 'Q':
		for (int k = 0; k < 3; k++, value.sival_int++) sigqueue(getpid(), order->signal, value);
		tell(ANSWER, 'Q', 0, 0);
		return;
	case 'H':
		handle(order);
		return;
	case 'I':
		dispose(order, SIG_IGN);
		return;
	case 'D':
		dispose(order, SIG_DFL);
		return;
	case 'B':
		if (order->value % 3 == 0) sigfillset(&set);
		tell(ANSWER, 'B', pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
		return;
	case 'U':
		if (order->value % 2 == 0) sigfillset(&set);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		tell(ANSWER, 'U', 0, 0);
		return;
	case 'P':
		tell(ANSWER, 'P', pending(), 0);
		return;
	case 'W': {
		int taken = outcome(sigtimedwait(&set, &info, &none));
		tell(ANSWER, 'W', taken, info.si_code);
		return;
	}
	case 'A':
		tell(ANSWER, 'A', outcome(setitimer(ITIMER_REAL, &soon, NULL)), 0);
		return;
	case 'G': {
		int moved = outcome(setpgid(0, 0));
		tell(ANSWER, 'G', moved, getpgrp() == getpid());
		return;
	}
	case 'S': {
		int session = outcome(setsid());
		tell(ANSWER, 'S', session < 0 ? session : session == getpid(), 0);
		return;
	}
	case 'N':
		tell(ANSWER, 'N', getppid() == parent, gettid() == getpid());
		return;
	case 'F':
		raise_child(order);
		return;
	case 'T':
		start_thread(order);
		tell(ANSWER, 'T', 0, 0);
		return;
	case 'X':
		execute();
		return;
	}
}

static void *obey_orders(void *unused)
{
	(void)unused;
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
	sigaltstack(&stack, NULL);
	for (;;) {
		struct order order;
		ssize_t count = read(orders_fd, &order, sizeof order);
		if (count == 0) _exit(98);
		if (count < 0) tell(INTERRUPTED, errno, 0, 0);
		else obey(&order);
	}
}

/* ---- the life ---- */

static struct child {
	pid_t process;
	int orders, news;
} children[CHILDREN];

static int index_of(pid_t process)
{
	for (int k = 0; k < CHILDREN; k++)
		if (children[k].process == process) return k;
	return -1;
}

static void take_news(void)
{
	for (int k = 0; k < CHILDREN; k++) {
		struct news news;
		while (children[k].process != 0 && read(children[k].news, &news, sizeof news) == sizeof news) {
			if (news.kind == ANSWER) printf("    %d %c %d %d\n", k, news.a, news.b, news.c);
			else if (news.kind == INTERRUPTED) printf("    %d interrupted %d\n", k, news.a);
			else printf("    %d signal %d%s %d %d\n", k, news.a & 255, news.a > 255 ? " aside" : "", news.b, news.c);
		}
	}
}

static void begin_child(int index)
{
	int orders[2], news[2];
	if (pipe2(orders, 0) != 0 || pipe2(news, 0) != 0) exit(97);
	fflush(stdout);
	children[index] = (struct child){0, orders[1], news[0]};
	fcntl(news[0], F_SETFL, O_NONBLOCK);
	fcntl(news[0], F_SETFD, FD_CLOEXEC);
	fcntl(orders[1], F_SETFD, FD_CLOEXEC);
	pid_t process = fork();
	if (process == 0) {
		for (int k = 0; k < CHILDREN; k++)
			if (k == index || children[k].process != 0) close(children[k].orders), close(children[k].news);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		orders_fd = orders[0];
		news_fd = news[1];
		obey_orders(NULL);
	}
	children[index].process = process;
	close(orders[0]);
	close(news[1]);
	printf("  %d begins\n", index);
}

static void end_child(int index)
{
	take_news();
	close(children[index].orders);
	close(children[index].news);
	children[index].process = 0;
}

static void wait_for(pid_t process)
{
	int status = 0;
	pid_t waited = waitpid(process, &status, WNOHANG | WUNTRACED | WCONTINUED);
	int index = index_of(waited);
	printf("  wait %d: %d %x\n", process < 0 ? -1 : index_of(process), waited > 0 ? index : outcome(waited),
		waited > 0 ? (unsigned)without_dump(status) : 0);
	if (waited > 0 && (WIFEXITED(status) || WIFSIGNALED(status))) end_child(index);
}

static void look_at(int index, int options)
{
	siginfo_t info = {0};
	int result = outcome(waitid(P_PID, (id_t)children[index].process, &info, options | WNOHANG | WNOWAIT));
	int code = info.si_code == CLD_DUMPED ? CLD_KILLED : info.si_code;
	printf("  look at %d: %d %d %d %d\n", index, result, info.si_pid == children[index].process, code, info.si_status);
}

static void send_order(int index)
{
	static const char kinds[] = "EKKRRQQHHHHHHHHIDBBBBUUUPWWAGSNFFTTTXX";
	struct order order;
	order.kind = kinds[below(sizeof kinds - 1)];
	order.signal = signals[below(SIGNALS)];
	order.value = below(64);
	order.more = below(64);
	if (order.kind == 'T') order.more %= 5;
	printf("  %d %c %d %d %d: %d\n", index, order.kind, order.signal, order.value, order.more,
		outcome(write(children[index].orders, &order, sizeof order)));
}

static void take_child_signal(void)
{
	sigset_t set;
	siginfo_t info = {0};
	struct timespec none = {0, 0};
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	int taken = outcome(sigtimedwait(&set, &info, &none));
	int code = info.si_code == CLD_DUMPED ? CLD_KILLED : info.si_code;
	printf("  SIGCHLD %d: %d %d %d\n", taken, taken > 0 ? index_of(info.si_pid) : 0, code, info.si_status);
}

static void step(void)
{
	int index = below(CHILDREN);
	int what = below(16);
	struct child *child = &children[index];
	if (child->process == 0) begin_child(index);
	else if (what < 8) send_order(index);
	else if (what < 10) {
		int signal = signals[below(SIGNALS - 1)];
		printf("  kill %d %d: %d\n", index, signal, outcome(kill(child->process, signal)));
	} else if (what == 10) {
		/* Only a group of its own. */
		int signal = signals[below(SIGNALS)], own = getpgid(child->process) == child->process;
		printf("  kill group %d %d: %d\n", index, signal, own ? outcome(kill(-child->process, signal)) : 0);
	} else if (what < 13) wait_for(what == 11 ? -1 : child->process);
	else if (what == 13) look_at(index, below(8) << 1 & (WSTOPPED | WEXITED | WCONTINUED));
	else if (what == 14) look_at(index, WEXITED | WSTOPPED | WCONTINUED);
	else take_child_signal();
	settle();
	take_news();
}

static void live(void)
{
	setsid();
	alarm(LIFE_SECONDS);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	parent = getpid();
	for (int k = 0; k < STEPS; k++) {
		printf("%d\n", k);
		step();
	}
	for (int k = 0; k < CHILDREN; k++) {
		if (children[k].process == 0) continue;
		kill(children[k].process, SIGKILL);
		waitpid(children[k].process, NULL, 0);
	}
}

int main(int count, char **arguments)
{
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length <= 0) return 2;
	if (count == 5) {
		orders_fd = atoi(arguments[2]);
		news_fd = atoi(arguments[3]);
		parent = atoi(arguments[4]);
		obey_orders(NULL);
	}
	if (count != 3) return 2;
	for (int k = 0; k < atoi(arguments[2]); k++) {
		int number = atoi(arguments[1]) + k, status;
		printf("life %d\n", number);
		fflush(stdout);
		pid_t process = fork();
		if (process == 0) {
			seed = (unsigned)number * 2654435761u + 1;
			live();
			fflush(stdout);
			_exit(0);
		}
		waitpid(process, &status, 0);
		printf("ends %x\n", (unsigned)status);
	}
	return 0;
}
