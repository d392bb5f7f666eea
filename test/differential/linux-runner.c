/*
 * Runs scenarios on the kernel that it stands on: reads compiled steps (README.md) on its standard input, makes each call with
 * syscall(2), and prints what came of it. Every scenario has a process and a folder of its own; several run at a time, since
 * some of them wait. names.inc is generated: the constants and calls that the scenarios use.
 *
 *     linux-runner FOLDER SCENARIOS-AT-A-TIME < steps
 *
 * Compiled for arm64 it does the same in a kernel of Akuma.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers of some systems; the number is every machine's. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define MEMORY_BYTES 1048576
#define OUTPUT_BYTES 65536
#define SLOTS 64
#define THREADS 8
#define PORTS 64
#define WORDS 16
/* A call that takes longer than this waits for something that does not come. */
#define GUARD_MILLISECONDS 400
#define SCENARIO_SECONDS 20
/* How often it is looked whether a scenario is over. */
#ifndef POLL_MILLISECONDS
#define POLL_MILLISECONDS 1
#endif
/* What passes after each call, for what it has set going. */
#ifndef SETTLE_MILLISECONDS
#define SETTLE_MILLISECONDS 0
#endif
/* Results lie above -4096; this is the mark of a call that did not come back. */
#define WAITS (-100000L)
/* An address in the page at 0, where nothing is ever mapped. */
#define BAD 8L

struct name {
	const char *text;
	long value;
};

static const struct name constants[] = {
#define CONSTANT(name) {#name, (long)(name)},
#include "names.inc"
#undef CONSTANT
	{NULL, 0},
};

static const struct name calls[] = {
#define CALL(name) {#name, SYS_##name},
#include "names.inc"
#undef CALL
	{NULL, 0},
};

static const struct name errors[] = {
#define ERROR(name) {#name, name},
#include "names.inc"
#undef ERROR
	{NULL, 0},
};

struct background {
	pthread_t thread;
	long number, arguments[6], result;
	int line, slot, is_hidden;
	int state; /* 0 unused, 1 started, 2 done, 3 joined */
};

static unsigned char memory[MEMORY_BYTES] __attribute__((aligned(4096)));
static long slots[SLOTS];
static struct background backgrounds[THREADS];
static unsigned ports[PORTS];
static int ports_known;
static char *output;
static size_t output_used;
static volatile sig_atomic_t alarms;
static volatile sig_atomic_t signals_seen[65];
/* The call whose line is being written. */
static long result;
static int is_hidden;

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "linux-runner: %s: %s\n", what, detail);
	_exit(3);
}

static void print(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(output + output_used, OUTPUT_BYTES - output_used, format, arguments);
	va_end(arguments);
	if (length < 0 || output_used + (size_t)length >= OUTPUT_BYTES) fail("too much output", "");
	output_used += (size_t)length;
}

/* ---- values ---- */

static const struct name *find(const struct name *table, const char *text, size_t length)
{
	for (; table->text != NULL; table++)
		if (strlen(table->text) == length && memcmp(table->text, text, length) == 0) return table;
	return NULL;
}

static long port_of(long fd)
{
	struct sockaddr_in address = {0};
	socklen_t length = sizeof address;
	return getsockname((int)fd, (struct sockaddr *)&address, &length) == 0 ? ntohs(address.sin_port) : 0;
}

static long term(const char *text, size_t length)
{
	switch (*text) {
	case '$':
		return slots[atoi(text + 1)];
	case '%':
		return port_of(slots[atoi(text + 1)]);
	case '&':
		return (long)(memory + atol(text + 1));
	}
	if (*text == '-' || (*text >= '0' && *text <= '9')) return strtol(text, NULL, 10);
	const struct name *constant = find(constants, text, length);
	if (constant == NULL) fail("no such constant", text);
	return constant->value;
}

/* Terms joined by | and +. */
static long evaluate(const char *text)
{
	long value = 0;
	char operator = '+';
	for (;;) {
		size_t length = strcspn(text, "|+");
		long next = term(text, length);
		value = operator == '|' ? value | next : value + next;
		operator = text[length];
		if (operator == '\0') return value;
		text += length + 1;
	}
}

static void store(const char *width, unsigned char *at, long value)
{
	if (strcmp(width, "port") == 0) {
		at[0] = (unsigned char)(value >> 8);
		at[1] = (unsigned char)value;
	} else
		memcpy(at, &value, (size_t)atoi(width));
}

static int load_int(const unsigned char *at)
{
	int value;
	memcpy(&value, at, sizeof value);
	return value;
}

static long load_long(const unsigned char *at)
{
	long value;
	memcpy(&value, at, sizeof value);
	return value;
}

/* ---- what calls have written ---- */

static const char *port_name(unsigned port)
{
	static char text[16];
	if (port == 0) return "0";
	int k = 0;
	while (k < ports_known && ports[k] != port) k++;
	if (k == ports_known && ports_known < PORTS) ports[ports_known++] = port;
	snprintf(text, sizeof text, "p%d", k + 1);
	return text;
}

/* Readable bytes as they are, all others as \xNN; of many only the number and a sum. */
static void print_bytes(const unsigned char *bytes, size_t length)
{
	if (length > 64) {
		unsigned sum = 2166136261u;
		for (size_t k = 0; k < length; k++) sum = (sum ^ bytes[k]) * 16777619u;
		print("<%zu bytes, %08x>", length, sum);
		return;
	}
	print("\"");
	for (size_t k = 0; k < length; k++) {
		if (bytes[k] >= 32 && bytes[k] < 127 && bytes[k] != '"' && bytes[k] != '\\') print("%c", bytes[k]);
		else print("\\x%02x", bytes[k]);
	}
	print("\"");
}

static void print_address(const unsigned char *at, int told, int room)
{
	int length = told < room ? told : room;
	unsigned short family = 0;
	if (length >= 2) memcpy(&family, at, 2);
	if (length >= 8 && family == AF_INET)
		print(" %u.%u.%u.%u:%s", at[4], at[5], at[6], at[7], port_name((unsigned)at[2] << 8 | at[3]));
	else if (length >= 2 && family == AF_UNIX) {
		print(" unix ");
		print_bytes(at + 2, (size_t)length - 2);
	} else if (length >= 2)
		print(" family %u", family);
	else
		print(" no address");
	print("/%d", told);
}

static const struct {
	const char *text;
	unsigned bit;
} events[] = {
	{"IN", 1}, {"PRI", 2}, {"OUT", 4}, {"ERR", 8}, {"HUP", 16}, {"NVAL", 32},
	{"RDNORM", 64}, {"RDBAND", 128}, {"WRNORM", 256}, {"WRBAND", 512}, {"MSG", 1024}, {"RDHUP", 8192},
};

static void print_events(unsigned mask)
{
	const char *between = " ";
	if (mask == 0) print(" -");
	for (size_t k = 0; k < sizeof events / sizeof *events; k++) {
		if ((mask & events[k].bit) == 0) continue;
		print("%s%s", between, events[k].text);
		between = "|";
		mask &= ~events[k].bit;
	}
	if (mask != 0) print("%s0x%x", between, mask);
}

static void print_stat(const unsigned char *at)
{
	struct stat status;
	memcpy(&status, at, sizeof status);
	print(" mode=%o links=%lu uid=%u gid=%u", status.st_mode, (unsigned long)status.st_nlink, status.st_uid, status.st_gid);
	if (!S_ISDIR(status.st_mode)) print(" size=%lld", (long long)status.st_size);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries of getdents64, sorted: their order is the file system's own affair. */
static void print_entries(const unsigned char *at)
{
	char *texts[64];
	int count = 0;
	for (long done = 0; done < result && count < 64;) {
		const unsigned char *entry = at + done;
		unsigned short length;
		memcpy(&length, entry + 16, 2);
		if (asprintf(&texts[count++], "%s/%u", (const char *)entry + 19, entry[18]) < 0) fail("memory", "");
		done += length;
	}
	qsort(texts, (size_t)count, sizeof *texts, compare_texts);
	for (int k = 0; k < count; k++) print(" %s", texts[k]);
}

static void print_message(const unsigned char *at)
{
	struct msghdr message;
	memcpy(&message, at, sizeof message);
	if (message.msg_name != NULL) print_address(message.msg_name, (int)message.msg_namelen, 128);
	for (struct cmsghdr *control = CMSG_FIRSTHDR(&message); control != NULL; control = CMSG_NXTHDR(&message, control)) {
		size_t length = control->cmsg_len - CMSG_LEN(0);
		print(" control %d/%d", control->cmsg_level, control->cmsg_type);
		if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_CREDENTIALS) print(" %zu bytes", length);
		else
			for (size_t k = 0; k + 4 <= length; k += 4) print(" %d", load_int(CMSG_DATA(control) + k));
	}
	print(" flags=%x", (unsigned)message.msg_flags);
}

/* The bytes of a call's result, spread over the rooms that it was given. */
static void print_data(char **words, int count)
{
	static unsigned char bytes[MEMORY_BYTES];
	size_t used = 0;
	for (int k = 2; k + 1 < count; k += 2) {
		size_t room = strtoul(words[k + 1], NULL, 10);
		size_t left = result > 0 ? (size_t)result - used : 0;
		if (room > left) room = left;
		memcpy(bytes + used, memory + atol(words[k]), room);
		used += room;
	}
	if (result > 0) {
		print(" ");
		print_bytes(bytes, used);
	}
}

static void print_value(const unsigned char *at, int told, int room)
{
	int length = told < room ? told : room;
	if (length > 0 && length % 4 == 0)
		for (int k = 0; k < length; k += 4) print(" %d", load_int(at + k));
	else
		for (int k = 0; k < length; k++) print("%s%02x", k == 0 ? " 0x" : "", at[k]);
	print("/%d", told);
}

static void print_result(char **words, int count)
{
	const char *kind = words[1];
	const unsigned char *at = memory + atol(words[2]);
	if (result < 0) return;
	if (strcmp(kind, "data") == 0) print_data(words, count);
	else if (strcmp(kind, "name") == 0) print_address(at, load_int(memory + atol(words[3])), atoi(words[4]));
	else if (strcmp(kind, "value") == 0) print_value(at, load_int(memory + atol(words[3])), atoi(words[4]));
	else if (strcmp(kind, "int") == 0) print(" [%d]", load_int(at));
	else if (strcmp(kind, "longs") == 0)
		for (int k = 0; k < atoi(words[3]); k++) print(" %ld", load_long(at + 8 * k));
	else if (strcmp(kind, "poll") == 0)
		for (int k = 0; k < atoi(words[3]); k++) {
			unsigned short mask;
			memcpy(&mask, at + 8 * k + 6, 2);
			print_events(mask);
		}
	else if (strcmp(kind, "events") == 0)
		for (long k = 0; k < result; k++) {
			struct epoll_event event;
			memcpy(&event, at + (size_t)k * sizeof event, sizeof event);
			print_events(event.events);
			print(":%lld", (long long)event.data.u64);
		}
	else if (strcmp(kind, "set") == 0)
		for (int fd = 0; fd < 1024; fd++) {
			if ((at[fd / 8] >> fd % 8 & 1) != 0) print(" %d", fd);
		}
	else if (strcmp(kind, "stat") == 0) print_stat(at);
	else if (strcmp(kind, "entries") == 0) print_entries(at);
	else if (strcmp(kind, "message") == 0) print_message(at);
	else fail("no such print", kind);
}

/* ---- calls ---- */

static void take_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void note_signal(int signal)
{
	signals_seen[signal]++;
}

static void set_guard(long milliseconds)
{
	struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
	/* It fires again and again, for the case that it first did before the call began to wait. */
	struct itimerval timer = {time, time};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static long make_call(long number, const long *arguments)
{
	long value = syscall(
		number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
	return value == -1 ? -errno : value;
}

static void pause_milliseconds(long milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

static void *run_background(void *given)
{
	struct background *call = given;
	call->result = make_call(call->number, call->arguments);
	__atomic_store_n(&call->state, 2, __ATOMIC_RELEASE);
	return NULL;
}

static void start_background(struct background *call)
{
	sigset_t guard, before;
	sigemptyset(&guard);
	sigaddset(&guard, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &guard, &before);
	call->state = 1;
	if (pthread_create(&call->thread, NULL, run_background, call) != 0) fail("pthread_create", "");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* By now it waits, unless it is over. */
	pause_milliseconds(30);
}

static void begin_line(int line, int slot, int hidden)
{
	print("%d", line);
	is_hidden = hidden;
	if (slot >= 0) slots[slot] = result < 0 ? -1 : result;
}

static void join_background(int thread)
{
	struct background *call = &backgrounds[thread];
	for (int k = 0; k < GUARD_MILLISECONDS / 2 && __atomic_load_n(&call->state, __ATOMIC_ACQUIRE) == 1; k++)
		pause_milliseconds(2);
	result = __atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != 1 ? call->result : WAITS;
	if (result != WAITS) call->state = 3;
	begin_line(call->line, call->slot, call->is_hidden);
}

static void run_call(char **words, int count)
{
	int thread = atoi(words[2]);
	int slot = words[3][0] == '-' ? -1 : atoi(words[3]);
	const struct name *name = find(calls, words[5], strlen(words[5]));
	if (name == NULL) fail("no such call", words[5]);
	long arguments[6] = {0};
	for (int k = 6; k < count && k < 12; k++) arguments[k - 6] = evaluate(words[k]);
	if (thread != 0) {
		struct background *call = &backgrounds[thread % THREADS];
		call->number = name->value;
		memcpy(call->arguments, arguments, sizeof arguments);
		call->line = atoi(words[1]);
		call->slot = slot;
		call->is_hidden = atoi(words[4]);
		start_background(call);
		return;
	}
	sig_atomic_t before = alarms;
	set_guard(GUARD_MILLISECONDS);
	result = make_call(name->value, arguments);
	set_guard(0);
	if (SETTLE_MILLISECONDS > 0) pause_milliseconds(SETTLE_MILLISECONDS);
	if (alarms != before && result == -EINTR) result = WAITS;
	begin_line(atoi(words[1]), slot, atoi(words[4]));
}

static void print_outcome(void)
{
	if (result == WAITS) print(" waits");
	else if (result < 0) {
		const struct name *error = errors;
		while (error->text != NULL && error->value != -result) error++;
		if (error->text != NULL) print(" %s", error->text);
		else print(" errno %ld", -result);
	} else if (is_hidden)
		print(" done");
	else
		print(" %ld", result);
}

static void end_line(void)
{
	/* Whose signal it is can be told only when nobody else is under way. */
	int is_certain = 1;
	for (int k = 0; k < THREADS; k++) is_certain &= backgrounds[k].state == 0 || backgrounds[k].state == 3;
	for (int signal = 1; is_certain && signal <= 64; signal++) {
		if (signals_seen[signal] != 0) print(" +signal %d", signal);
		signals_seen[signal] = 0;
	}
	print("\n");
}

static void run_step(char **words, int count)
{
	static int is_outcome_due;
	switch (words[0][0]) {
	case 'w':
		store(words[1], memory + atol(words[2]), evaluate(words[3]));
		return;
	case 'h': {
		unsigned char *at = memory + atol(words[1]);
		for (const char *hex = words[2]; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
			*at++ = (unsigned char)strtoul((char[]){hex[0], hex[1], '\0'}, NULL, 16);
		return;
	}
	case 'z':
		memset(memory + atol(words[1]), atoi(words[3]), strtoul(words[2], NULL, 10));
		return;
	case 'b': {
		long bit = evaluate(words[2]);
		if (bit >= 0 && bit < 1024) memory[atol(words[1]) + bit / 8] |= (unsigned char)(1 << bit % 8);
		return;
	}
	case 'v': {
		struct epoll_event event = {0};
		event.events = (unsigned)evaluate(words[2]);
		event.data.u64 = (unsigned long)evaluate(words[3]);
		memcpy(memory + atol(words[1]), &event, sizeof event);
		return;
	}
	case 't':
		pause_milliseconds(atol(words[1]));
		return;
	case 'c':
		run_call(words, count);
		is_outcome_due = 1;
		break;
	case 'j':
		join_background(atoi(words[1]) % THREADS);
		is_outcome_due = 1;
		break;
	case 'l':
		slots[atoi(words[1])] = result < 0 ? -1 : load_int(memory + atol(words[2]));
		if (result >= 0) print(" [%ld]", slots[atoi(words[1])]);
		return;
	case 'p':
		print_result(words, count);
		return;
	case '.':
		end_line();
		return;
	default:
		fail("no such step", words[0]);
	}
	if (is_outcome_due && !(words[0][0] == 'c' && words[2][0] != '0')) print_outcome();
	is_outcome_due = 0;
}

/* ---- scenarios ---- */

static void prepare(const char *folder, int number)
{
	char name[32];
	snprintf(name, sizeof name, "scenario%d", number);
	if (chdir(folder) != 0 || mkdir(name, 0755) != 0 || chdir(name) != 0) fail("folder", strerror(errno));
	umask(022);
	int nothing = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
	syscall(SYS_close_range, 3, ~0u, 0);
	struct rlimit limit = {64, 64};
	setrlimit(RLIMIT_NOFILE, &limit);
	struct sigaction action = {0};
	action.sa_handler = take_alarm;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = note_signal;
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int k = 0; k < SLOTS; k++) slots[k] = -1;
}

static void run_scenario(char *steps)
{
	for (char *rest = steps, *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *words[512];
		int count = 0;
		for (char *word; (word = strsep(&line, " ")) != NULL && count < 511;) words[count++] = word;
		if (count > 0 && words[0][0] != '\0') run_step(words, count);
	}
}

struct scenario {
	char *name, *steps, *output;
	pid_t process;
	time_t started;
};

static void start(struct scenario *scenario, const char *folder, int number)
{
	fflush(stdout);
	scenario->started = time(NULL);
	scenario->process = fork();
	if (scenario->process < 0) fail("fork", strerror(errno));
	if (scenario->process > 0) return;
	output = scenario->output;
	prepare(folder, number);
	run_scenario(scenario->steps);
	_exit(0);
}

static char *read_input(void)
{
	size_t used = 0, size = 1 << 16;
	char *text = malloc(size);
	for (;;) {
		size_t count = fread(text + used, 1, size - used - 1, stdin);
		if (count == 0) break;
		used += count;
		if (size - used < 2) text = realloc(text, size *= 2);
		if (text == NULL) fail("memory", "");
	}
	text[used] = '\0';
	return text;
}

int main(int count, char **arguments)
{
	if (count != 3) fail("usage", "linux-runner FOLDER SCENARIOS-AT-A-TIME");
	char *input = read_input();
	int number = 0, most = 0;
	for (char *at = input; (at = strstr(at, "S ")) != NULL; at += 2) most += at == input || at[-1] == '\n';
	struct scenario *scenarios = calloc((size_t)most + 1, sizeof *scenarios);
	/* One mapping for all: each fork copies the list of mappings. */
	char *outputs = mmap(NULL, ((size_t)most + 1) * OUTPUT_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (scenarios == NULL || outputs == MAP_FAILED) fail("memory", strerror(errno));
	/* "S name", steps, "E". */
	for (char *at = input; *at != '\0'; number++) {
		struct scenario *scenario = &scenarios[number];
		scenario->name = at + 2;
		at = strchr(at, '\n');
		*at++ = '\0';
		scenario->steps = at;
		at = strncmp(at, "E\n", 2) == 0 ? at : strstr(at, "\nE\n") + 1;
		at[0] = '\0';
		at += 2;
		scenario->output = outputs + (size_t)number * OUTPUT_BYTES;
	}
	int running = 0, next = 0, done = 0, atATime = atoi(arguments[2]);
	while (done < number) {
		for (; running < atATime && next < number; next++, running++) start(&scenarios[next], arguments[1], next);
		int status;
		pid_t process = waitpid(-1, &status, WNOHANG);
		if (process > 0) {
			running--;
			done++;
			for (int k = 0; k < next; k++) {
				if (scenarios[k].process != process) continue;
				scenarios[k].process = 0;
				size_t length = strlen(scenarios[k].output);
				if (status != 0)
					snprintf(scenarios[k].output + length, OUTPUT_BYTES - length, "ended with status %x\n", status);
			}
			continue;
		}
		for (int k = 0; k < next; k++)
			if (scenarios[k].process > 0 && time(NULL) - scenarios[k].started > SCENARIO_SECONDS)
				kill(scenarios[k].process, SIGKILL);
		pause_milliseconds(POLL_MILLISECONDS);
	}
	for (int k = 0; k < number; k++) printf("S %s\n%s", scenarios[k].name, scenarios[k].output);
	return 0;
}
