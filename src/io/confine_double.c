/* confine_double.c - the tests' program: gives up what a server does and then tries what it must not be able to. Built without sanitizers, so that
 * the list of system calls is the one of a release.
 *
 *     test_confine try WHAT FOLDER     FOLDER/open may be read, FOLDER/made written; prints "done" or "refused: WHY", or is killed
 *     test_confine user NAME FILE      the same for reading FILE and becoming root again, as that user
 *     test_confine without PROGRAM...  runs it as if the kernel had neither Landlock nor seccomp */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "io/confine.h"

#define FREE_PORT 1
#define OTHER_PORT 18

static const char *folder;

static int try_open(const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s%s", *name == '/' ? "" : folder, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!(flags & O_DIRECTORY) && (flags & O_ACCMODE) == O_RDONLY && read(fd, path, 1) < 0)
		return -1;
	return close(fd);
}

static int read_shadow(void)
{
	return try_open("/etc/shadow", O_RDONLY);
}
static int read_home(void)
{
	return try_open("/root", O_RDONLY | O_DIRECTORY);
}
static int read_secret(void)
{
	return try_open("secret", O_RDONLY);
}
static int read_up(void)
{
	return try_open("open/../secret", O_RDONLY);
}
static int read_open(void)
{
	return try_open("open/file", O_RDONLY);
}
static int write_open(void)
{
	return try_open("open/file", O_WRONLY);
}
static int cut_open(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%sopen/file", folder);
	return truncate(path, 0);
}
static int make_outside(void)
{
	return try_open("new", O_WRONLY | O_CREAT);
}
static int make_inside(void)
{
	return try_open("made/new", O_WRONLY | O_CREAT);
}
static int move_out(void)
{
	char from[4096], to[4096];

	snprintf(from, sizeof(from), "%smade/file", folder);
	snprintf(to, sizeof(to), "%smoved", folder);
	return rename(from, to);
}
static int link_inside(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%smade/link", folder);
	return symlink("/etc/shadow", path);
}

static int run(void)
{
	char name[] = "true", *const argv[] = {name, NULL};

	return execve("/bin/true", argv, NULL);
}
static int run_by_descriptor(void)
{
	char name[] = "true", *const argv[] = {name, NULL};

	return fexecve(0, argv, argv + 1);
}
static int fork_off(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}
static int fork_by_hand(void)
{
	return (int)syscall(SYS_clone3, NULL, 0);
}
static int trace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int trace_me(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static int read_memory(void)
{
	char room[8];
	struct iovec at = {room, sizeof(room)};

	return (int)process_vm_readv(getppid(), &at, 1, &at, 1, 0);
}
static int signal_other(void)
{
	return kill(getppid(), 0);
}
static int signal_self(void)
{
	return kill(getpid(), 0);
}

static int listen_on(unsigned short port)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&at, sizeof(at));
}
static int listen_any(void)
{
	return listen_on(0);
}
static int listen_other(void)
{
	return listen_on(OTHER_PORT);
}
static int socket_packet(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}
static int socket_raw(void)
{
	return socket(AF_INET, SOCK_RAW, 1);
}
static int socket_crypto(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}
static int socket_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static int core_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_CORE, &limit);
}
static int core_seen(void)
{
	struct rlimit limit;

	errno = EPERM;
	return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 ? -1 : 0;
}
static int core_written(void)
{
	abort();
}
static int dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}
static int mount_it(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}
static int unshare_it(void)
{
	return (int)syscall(SYS_unshare, 0x10000000);
}
static int bpf_it(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}
static int io_uring_it(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}
static int keys_it(void)
{
	return (int)syscall(SYS_keyctl, 0, -3, 0);
}
static int become_root(void)
{
	return setuid(0);
}
static int give_up_filter(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
}
static int unknown_call(void)
{
	return (int)syscall(9999);
}

static void *in_thread(void *done)
{
	*(int *)done = read_open() == 0 && read_secret() < 0;
	return NULL;
}
static int thread(void)
{
	pthread_t t;
	int done = 0;

	if (pthread_create(&t, NULL, in_thread, &done) || pthread_join(t, NULL))
		return -1;
	return done ? 0 : -1;
}

static const struct attempt {
	const char *name;
	int (*run)(void);
} attempts[] = {{"read-shadow", read_shadow}, {"read-home", read_home}, {"read-secret", read_secret},
    {"read-up", read_up}, {"read-open", read_open}, {"write-open", write_open}, {"cut-open", cut_open},
    {"make-outside", make_outside}, {"make-inside", make_inside}, {"move-out", move_out}, {"link-inside", link_inside},
    {"run", run}, {"run-by-descriptor", run_by_descriptor}, {"fork", fork_off}, {"fork-by-hand", fork_by_hand},
    {"trace", trace}, {"trace-me", trace_me}, {"read-memory", read_memory}, {"signal-other", signal_other},
    {"signal-self", signal_self}, {"listen-any", listen_any}, {"listen-other", listen_other},
    {"socket-packet", socket_packet}, {"socket-raw", socket_raw}, {"socket-crypto", socket_crypto},
    {"socket-vsock", socket_vsock}, {"core-limit", core_limit}, {"core-seen", core_seen},
    {"core-written", core_written}, {"dumpable", dumpable}, {"mount", mount_it}, {"unshare", unshare_it},
    {"bpf", bpf_it}, {"io-uring", io_uring_it}, {"keys", keys_it}, {"become-root", become_root},
    {"privileges", give_up_filter}, {"unknown-call", unknown_call}, {"thread", thread}};

static int say(int result)
{
	if (result >= 0)
		puts("done");
	else
		printf("refused: %s\n", strerror(errno));
	return 0;
}

static int try_it(const char *what)
{
	static char open_folder[4096], made_folder[4096];
	const char *const read[] = {"/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", open_folder, "/not/there", NULL};
	const char *const write[] = {made_folder, NULL};
	const unsigned short ports[] = {0, FREE_PORT};
	const struct confine_config c = {read, write, ports, 2};
	struct confine_status s;

	snprintf(open_folder, sizeof(open_folder), "%sopen", folder);
	snprintf(made_folder, sizeof(made_folder), "%smade", folder);
	confine(&c, &s);
	fprintf(stderr, "landlock %d seccomp %d%s%s\n", s.landlock_abi, s.seccomp, s.landlock_why, s.seccomp_why);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (strcmp(attempts[i].name, what) == 0)
			return say(attempts[i].run());
	return 2;
}

static int as_user(const char *name, const char *file)
{
	const char *why;

	if (!confine_user(name, &why)) {
		printf("no: %s\n", why);
		return 0;
	}
	say(open(file, O_RDONLY | O_CLOEXEC));
	say(setuid(0));
	printf("%u %u %d\n", (unsigned)getuid(), (unsigned)getegid(), getgroups(0, NULL));
	return 0;
}

static int without(char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (!f || seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), 444, 0) ||
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) ||
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) ||
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_GET_SECCOMP)) ||
	    seccomp_load(f))
		return 2;
	execv(argv[0], argv);
	return 127;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "try") == 0) {
		folder = argv[3];
		return try_it(argv[2]);
	}
	if (argc == 4 && strcmp(argv[1], "user") == 0)
		return as_user(argv[2], argv[3]);
	return argc > 2 && strcmp(argv[1], "without") == 0 ? without(argv + 2) : 2;
}
