/* confine_calls.c - the system calls that a server or a worker needs, found by running the API and worker suites and reading what glibc falls
 * back to. Whoever adds one says what needs it. */
#include "io/confine_private.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_KIND 0xf /* of a socket's type; the rest are flags */
#define CALL(name) SCMP_SYS(name)

/* With any arguments. */
static const int allowed[] = {
    /* files: which ones is Landlock's and the user's matter */
    CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev), CALL(pwrite64), CALL(lseek), CALL(open),
    CALL(openat), CALL(close), CALL(close_range), CALL(stat), CALL(fstat), CALL(lstat), CALL(newfstatat), CALL(statx),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(mkdir),
    CALL(mkdirat), CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat), CALL(renameat2), CALL(ftruncate),
    CALL(fsync), CALL(fdatasync), CALL(fcntl), CALL(flock), CALL(dup), CALL(dup2), CALL(dup3), CALL(umask),
    CALL(getcwd), CALL(statfs), CALL(fstatfs), CALL(sendfile), CALL(fadvise64), CALL(fchmod),
    /* memory */
    CALL(brk), CALL(mmap), CALL(munmap), CALL(mprotect), CALL(mremap), CALL(madvise), CALL(mlock), CALL(mlock2),
    CALL(munlock),
    /* threads */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(exit), CALL(exit_group), CALL(gettid),
    CALL(getpid), CALL(getppid), CALL(sched_yield), CALL(sched_getaffinity), CALL(sched_setaffinity), CALL(getcpu),
    CALL(membarrier), CALL(set_tid_address), CALL(arch_prctl), CALL(sched_getparam), CALL(sched_getscheduler),
    CALL(restart_syscall),
    /* signals */
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigtimedwait), CALL(rt_sigpending),
    CALL(rt_sigsuspend), CALL(sigaltstack), CALL(pause),
    /* time */
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(gettimeofday), CALL(nanosleep), CALL(time),
    CALL(times),
    /* who and how much */
    CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getgroups), CALL(getresuid), CALL(getresgid),
    CALL(getrusage), CALL(getrlimit), CALL(uname), CALL(sysinfo), CALL(getrandom),
    /* connections */
    CALL(bind), CALL(listen), CALL(accept), CALL(accept4), CALL(connect), CALL(shutdown), CALL(getsockname),
    CALL(getpeername), CALL(getsockopt), CALL(setsockopt), CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg),
    CALL(sendmmsg), CALL(recvmmsg),
    /* waiting */
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(epoll_create), CALL(epoll_create1), CALL(epoll_ctl),
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd), CALL(eventfd2), CALL(pipe), CALL(pipe2),
    CALL(timerfd_create), CALL(timerfd_settime)};

/* Only somebody else's code asks for these: running programs, other processes' memory, the kernel's own business. */
static const int deadly[] = {CALL(execve), CALL(execveat), CALL(ptrace), CALL(process_vm_readv),
    CALL(process_vm_writev), CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(move_mount), CALL(fsopen),
    CALL(open_tree), CALL(setns), CALL(unshare), CALL(bpf), CALL(perf_event_open), CALL(userfaultfd), CALL(init_module),
    CALL(finit_module), CALL(delete_module), CALL(kexec_load), CALL(kexec_file_load), CALL(reboot), CALL(swapon),
    CALL(swapoff), CALL(acct), CALL(keyctl), CALL(add_key), CALL(request_key), CALL(io_uring_setup),
    CALL(open_by_handle_at), CALL(iopl), CALL(ioperm)};

/* The leak checker forks a thread of its own that stops the others, and reports are made readable by another program. */
static const int of_sanitizers[] = {CALL(execve), CALL(ptrace), CALL(clone), CALL(clone3), CALL(fork), CALL(vfork),
    CALL(wait4), CALL(prctl), CALL(kill), CALL(tkill), CALL(tgkill), CALL(personality), CALL(process_vm_readv),
    CALL(setrlimit), CALL(prlimit64), CALL(ioctl), CALL(getdents)};

static bool allow_calls(scmp_filter_ctx f, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);

		/* -EDOM: this machine's kind of kernel has no such call */
		if (r < 0 && r != -EDOM)
			return false;
	}
	return true;
}

static bool for_sanitizers(int call)
{
	for (size_t i = 0; i < sizeof(of_sanitizers) / sizeof(of_sanitizers[0]); i++)
		if (SANITIZERS && of_sanitizers[i] == call)
			return true;
	return false;
}

static bool add_deadly(scmp_filter_ctx f)
{
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		int r = for_sanitizers(deadly[i]) ? 0 : seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0);

		if (r < 0 && r != -EDOM)
			return false;
	}
	return true;
}

#define ARG_IS(n, v) SCMP_CMP(n, SCMP_CMP_EQ, (scmp_datum_t)(v))
#define ARG_BITS(n, mask, v) SCMP_CMP(n, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(v))

static bool add_sockets(scmp_filter_ctx f)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6}, kinds[] = {SOCK_STREAM, SOCK_DGRAM};

	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 2; k++)
			if (seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socket), 2, ARG_IS(0, families[i]),
				ARG_BITS(1, SOCKET_KIND, kinds[k])) < 0)
				return false;
	/* getaddrinfo asks for this machine's addresses, to know whether it has IPv6 */
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socket), 3, ARG_IS(0, AF_NETLINK),
		   ARG_BITS(1, SOCKET_KIND, SOCK_RAW), ARG_IS(2, 0)) >= 0 &&
	       seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socketpair), 1, ARG_IS(0, AF_UNIX)) >= 0;
}

/* Threads, not processes: clone3 hides its flags from the filter, so it is not there, and glibc falls back to clone. Signals to oneself only:
 * the internal listener's reload, and abort(). */
static bool add_threads(scmp_filter_ctx f)
{
	const int names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_VMA};
	scmp_datum_t self = (scmp_datum_t)getpid();
	bool ok = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(clone), 1, ARG_BITS(0, CLONE_THREAD, CLONE_THREAD)) >= 0 &&
		  seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(kill), 1, ARG_IS(0, self)) >= 0 &&
		  seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(tgkill), 1, ARG_IS(0, self)) >= 0 &&
		  seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(prlimit64), 2, ARG_IS(0, 0), ARG_IS(2, 0)) >= 0;

	for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++)
		ok = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(prctl), 1, ARG_IS(0, names[i])) >= 0;
	return ok;
}

static bool add_ioctls(scmp_filter_ctx f)
{
	static const unsigned long asked[] = {FIONBIO, FIONREAD, TCGETS};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		if (seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(ioctl), 1, ARG_BITS(1, 0xffffffff, asked[i])) < 0)
			return false;
	return true;
}

static bool add_all(scmp_filter_ctx f)
{
	if (SANITIZERS && !allow_calls(f, of_sanitizers, sizeof(of_sanitizers) / sizeof(of_sanitizers[0])))
		return false;
	if (!SANITIZERS && (!add_threads(f) || !add_ioctls(f)))
		return false;
	return allow_calls(f, allowed, sizeof(allowed) / sizeof(allowed[0])) && add_sockets(f) && add_deadly(f);
}

bool confine_seccomp_available(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

bool confine_calls(char why[CONFINE_WHY_BYTES])
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = f ? 0 : -ENOMEM;

	if (f && !add_all(f))
		r = -EINVAL;
	/* Without this the filter would be searched call by call: the common ones are the cheap ones now. */
	if (!r)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = seccomp_load(f);
	if (f)
		seccomp_release(f);
	if (r)
		snprintf(why, CONFINE_WHY_BYTES, "%s", strerror(-r));
	return r == 0;
}
