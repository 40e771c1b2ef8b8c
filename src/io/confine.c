/* confine.c - users, core files, Landlock. The list of system calls is in confine_calls.c. */
#include "io/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "io/confine_private.h"

/* The kernel's interface, written out: headers of Debian 12 know it up to ABI 2 only. */
#define LL_CREATE_RULESET 444
#define LL_ADD_RULE 445
#define LL_RESTRICT_SELF 446
#define LL_VERSION 1u
#define LL_PATH 1
#define LL_PORT 2

struct ll_ruleset {
	uint64_t files, ports, scoped;
};
struct ll_path {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));
struct ll_port {
	uint64_t allowed, port;
};

enum {
	LL_EXECUTE = 1 << 0,
	LL_WRITE_FILE = 1 << 1,
	LL_READ_FILE = 1 << 2,
	LL_READ_DIR = 1 << 3,
	LL_REMOVE_FILE = 1 << 5,
	LL_MAKE_REG = 1 << 8,
	LL_REFER = 1 << 13,
	LL_TRUNCATE = 1 << 14,
	LL_IOCTL_DEV = 1 << 15,
};
#define LL_FILES_ABI1 ((1u << 13) - 1)
#define LL_BIND_TCP 1
#define LL_SCOPES 3 /* abstract unix sockets, signals */

bool confine_user_ids(const char *name, unsigned *uid, unsigned *gid)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return false;
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

bool confine_user(const char *name, const char **why)
{
	unsigned uid, gid;

	*why = "there is no such user";
	if (!confine_user_ids(name, &uid, &gid))
		return false;
	*why = "that user is root";
	if (uid == 0 || gid == 0)
		return false;
	*why = "only root can become another user";
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return false;
	*why = "what was given up came back";
	return setuid(0) != 0 && setgid(0) != 0;
}

int confine_landlock_abi(void)
{
	long abi = syscall(LL_CREATE_RULESET, NULL, 0, LL_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* ---- Landlock ---- */

static bool allow_path(int rules, const char *path, uint64_t folder_rights, uint64_t file_rights)
{
	struct ll_path rule = {.folder = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	bool ok;

	if (rule.folder < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
	ok = fstat(rule.folder, &st) == 0;
	rule.allowed = ok && S_ISDIR(st.st_mode) ? folder_rights : file_rights;
	ok = ok && syscall(LL_ADD_RULE, rules, LL_PATH, &rule, 0) == 0;
	close(rule.folder);
	return ok;
}

static bool allow_all(int rules, int abi, const struct confine_config *c)
{
	const uint64_t made =
	    LL_READ_FILE | LL_READ_DIR | LL_WRITE_FILE | LL_REMOVE_FILE | LL_MAKE_REG | (abi >= 3 ? LL_TRUNCATE : 0);
	size_t i;

	for (i = 0; c->read && c->read[i]; i++)
		if (!allow_path(rules, c->read[i], LL_READ_FILE | LL_READ_DIR, LL_READ_FILE))
			return false;
	for (i = 0; c->write && c->write[i]; i++)
		if (!allow_path(
			rules, c->write[i], made, made & ~(uint64_t)(LL_READ_DIR | LL_REMOVE_FILE | LL_MAKE_REG)))
			return false;
	for (i = 0; abi >= 4 && i < c->port_count; i++) {
		const struct ll_port rule = {LL_BIND_TCP, c->ports[i]};

		if (syscall(LL_ADD_RULE, rules, LL_PORT, &rule, 0) != 0)
			return false;
	}
	return true;
}

static bool restrict_files(const struct confine_config *c, int abi)
{
	struct ll_ruleset all = {.files = LL_FILES_ABI1};
	size_t size = sizeof(all.files);
	int rules;
	bool ok;

	if (abi >= 2)
		all.files |= LL_REFER;
	if (abi >= 3)
		all.files |= LL_TRUNCATE;
	if (abi >= 4) {
		all.ports = LL_BIND_TCP;
		size += sizeof(all.ports);
	}
	if (abi >= 5)
		all.files |= LL_IOCTL_DEV;
	if (abi >= 6) {
		all.scoped = LL_SCOPES;
		size = sizeof(all);
	}
	rules = (int)syscall(LL_CREATE_RULESET, &all, size, 0);
	if (rules < 0)
		return false;
	ok = allow_all(rules, abi, c) && syscall(LL_RESTRICT_SELF, rules, 0) == 0;
	close(rules);
	return ok;
}

/* ---- all of it ---- */

void confine(const struct confine_config *c, struct confine_status *out)
{
	const struct rlimit none = {0, 0};
	int abi = confine_landlock_abi();

	*out = (struct confine_status){0};
	/* A core file would hold keys and answers. The second also keeps other processes of the same user from looking into this one. */
	out->no_core = setrlimit(RLIMIT_CORE, &none) == 0 && (SANITIZERS || prctl(PR_SET_DUMPABLE, 0) == 0);
	out->no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	if (abi == 0)
		snprintf(out->landlock_why, CONFINE_WHY_BYTES, "the kernel has no Landlock, or it is not switched on");
	else if (!restrict_files(c, abi))
		snprintf(out->landlock_why, CONFINE_WHY_BYTES, "%s", strerror(errno));
	else
		out->landlock_abi = abi;
	out->seccomp = confine_calls(out->seccomp_why);
}
