#include "main/up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARKER ".collect-data"
#define USER_NAME "collect"
#define OPEN_FOLDERS 32
/* The longest socket name we put into the folder. */
#define SOCKET_NAME "/.s.PGSQL.5432.lock"

static bool fail(const struct up *up, const char *path)
{
	command_fail(up->line, 1, "%s: %s", path, strerror(errno));
	return false;
}

static bool folder_is_empty(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t n = 0;

	if (!entries) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (n == 0 && (entry = readdir(entries)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(entries);
	return n == 0;
}

/* Whoever may write into a folder decides what a name in it means, so root follows links only where nobody else may. */
static int link_flag(int folder)
{
	struct stat st;

	if (geteuid() != 0 || (fstat(folder, &st) == 0 && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH))))
		return 0;
	return O_NOFOLLOW;
}

/* The folder NAME in `folder`, made when there is none; `folder` is closed. -1 with errno. */
static int step_into(int folder, const char *name)
{
	int next = -1, fault;

	if (mkdirat(folder, name, 0755) == 0 || errno == EEXIST)
		next = openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC | link_flag(folder));
	fault = errno;
	close(folder);
	errno = fault;
	return next;
}

/* DATA and what is missing above it, opened as a place (O_PATH); -1: said why. */
static int open_data(const struct up *up)
{
	const char *asked = config_text(up->config, CFG_data);
	char path[UP_PATH_BYTES], *rest = path, *name;
	int folder = open(*asked == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (snprintf(path, sizeof path, "%s", asked) >= (int)sizeof path - 256) {
		command_fail(up->line, 1, "the path of the data folder is too long");
		if (folder >= 0)
			close(folder);
		return -1;
	}
	while (folder >= 0 && (name = strsep(&rest, "/")))
		if (*name && strcmp(name, ".") != 0)
			folder = step_into(folder, name);
	if (folder < 0)
		fail(up, asked);
	return folder;
}

/* Root gives away nothing but an empty folder of its own, by descriptor: a path may come to mean something else. */
static bool give_folder(const struct up *up, int folder, const struct passwd *user)
{
	struct stat st;
	bool ok;
	int fd;

	if (fstat(folder, &st) != 0)
		return fail(up, up->data);
	if (st.st_uid == user->pw_uid)
		return true;
	if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH) || !folder_is_empty(folder)) {
		command_fail(up->line, 1,
		    "%s is neither a folder of the user %s nor an empty one that only root may change; name another "
		    "folder with --data",
		    up->data, user->pw_name);
		return false;
	}
	fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && fchown(fd, user->pw_uid, user->pw_gid) == 0;
	if (!ok)
		fail(up, up->data);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Then up->data is its absolute path. With `user` (we are root) it is that user's. */
static bool find_data(struct up *up, const struct passwd *user)
{
	int folder = open_data(up);
	char link[64];
	ssize_t n;
	bool ok;

	if (folder < 0)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
	n = readlink(link, up->data, sizeof up->data - 1);
	up->data[n > 0 ? n : 0] = '\0';
	ok = n > 0 ? !user || give_folder(up, folder, user) : fail(up, link);
	close(folder);
	return ok;
}

/* Only a folder that we marked, or an empty one, is ours: `--fresh --data $HOME` must not be a disaster. */
static bool claim_folder(const struct up *up)
{
	char marker[UP_PATH_BYTES];
	bool empty;
	int fd;

	if (!up_path(up, marker, MARKER))
		return false;
	if (access(marker, F_OK) == 0)
		return true;
	fd = open(up->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(up, up->data);
	empty = folder_is_empty(fd);
	close(fd);
	if (!empty) {
		command_fail(up->line, 1,
		    "%s is not empty and was not made by `collect up`; name another folder with --data", up->data);
		return false;
	}
	fd = open(marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "Data folder of `collect up`. --fresh removes everything in it.\n") < 0 ||
	    close(fd) != 0)
		return fail(up, marker);
	return true;
}

static bool folder_is_ours(const struct up *up)
{
	if (access(up->data, R_OK | W_OK | X_OK) == 0)
		return true;
	command_fail(up->line, 1,
	    "%s belongs to another user; start it as that user or as root, or name another folder with --data",
	    up->data);
	return false;
}

static bool lock_folder(struct up *up)
{
	char path[UP_PATH_BYTES];

	if (!up_path(up, path, MARKER))
		return false;
	up->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (up->lock_fd < 0)
		return fail(up, path);
	if (flock(up->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	command_fail(
	    up->line, 1, "another `collect up` is using %s; stop it, or name another folder with --data", up->data);
	return false;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	if (at->level == 0 || (at->level == 1 && strcmp(path + at->base, MARKER) == 0))
		return 0;
	return remove(path);
}

static bool empty_folder(const struct up *up)
{
	up_say("removing everything in %s", up->data);
	return nftw(up->data, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ? true
												 : fail(up, up->data);
}

static bool make_folders(const struct up *up)
{
	static const char *const names[] = {"keys", "log", "run"};
	char path[UP_PATH_BYTES];
	size_t i;

	for (i = 0; i < countof(names); i++) {
		if (!up_path(up, path, names[i]))
			return false;
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return fail(up, path);
	}
	return true;
}

static bool become(const struct passwd *user)
{
	return setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
}

/* Before anything is made there: can the user enter the folder, or the nearest one above it that exists? Asked as that user, in a child. */
static bool user_can_enter(const struct up *up, const struct passwd *user)
{
	char path[UP_PATH_BYTES], *slash;
	int status = 1;
	pid_t pid;

	snprintf(path, sizeof path, "%s", config_text(up->config, CFG_data));
	while (access(path, F_OK) != 0 && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	if (access(path, F_OK) != 0)
		snprintf(path, sizeof path, "%s", *path == '/' ? "/" : ".");
	pid = fork();
	if (pid == 0)
		_exit(become(user) && chdir(path) == 0 ? 0 : 1);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status == 0)
		return true;
	command_fail(up->line, 1,
	    "the user %s cannot reach %s: a folder above it is closed to others (as /root is).\n"
	    "PostgreSQL refuses to run as root, so everything runs as that user. Put the data elsewhere: --data "
	    "/var/lib/collect",
	    user->pw_name, config_text(up->config, CFG_data));
	return false;
}

static bool drop(const struct up *up, const struct passwd *user)
{
	if (!become(user))
		return fail(up, user->pw_name);
	/* changing the user clears this: without it a core file or /proc of our own would be root's */
	prctl(PR_SET_DUMPABLE, 1);
	return true;
}

/* Paths of sockets end at 107 bytes, and PostgreSQL and Redis each give some characters a meaning. */
static bool fits_sockets(const char *path)
{
	struct sockaddr_un address;
	size_t plain = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-");

	return path[plain] == '\0' && plain + sizeof SOCKET_NAME <= sizeof address.sun_path;
}

/* A data folder whose path does not do gets a short folder beside it, for this run only. */
static bool choose_run(struct up *up)
{
	static const char *const places[] = {"/run/collect-XXXXXX", "/tmp/collect-XXXXXX"};
	size_t i;

	if (!up_path(up, up->run, "run"))
		return false;
	if (fits_sockets(up->run))
		return true;
	for (i = 0; i < countof(places); i++) {
		snprintf(up->run, sizeof up->run, "%s", places[i]);
		if (mkdtemp(up->run)) {
			up->run_is_ours = true;
			return true;
		}
	}
	return fail(up, places[1]);
}

/* The program is found again after the drop: by its path when that can be reached, else by the descriptor. */
static bool find_self(struct up *up)
{
	ssize_t n;

	up->self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (up->self_fd < 0)
		return fail(up, "/proc/self/exe");
	n = readlink("/proc/self/exe", up->self, sizeof up->self - 1);
	up->self[n > 0 ? n : 0] = '\0';
	return true;
}

bool up_prepare(struct up *up, bool fresh)
{
	const struct passwd *user = NULL;

	if (geteuid() == 0 && !(user = getpwnam(USER_NAME))) {
		command_fail(up->line, 1,
		    "there is no user \"" USER_NAME
		    "\" to run PostgreSQL, Redis and the server as (they do not run as root).\n"
		    "Make one: useradd --system --user-group --home-dir /nonexistent --shell "
		    "/usr/sbin/nologin " USER_NAME);
		return false;
	}
	if (user && !user_can_enter(up, user))
		return false;
	umask(0022);
	if (!find_self(up) || !find_data(up, user))
		return false;
	/* What is in the folder is the user's to change at any time: root never acts on a name in there. */
	if (user && !drop(up, user))
		return false;
	if (!folder_is_ours(up) || !claim_folder(up) || !lock_folder(up))
		return false;
	if ((fresh && !empty_folder(up)) || !make_folders(up))
		return false;
	umask(0077);
	if (access(up->self, X_OK) != 0)
		up->self[0] = '\0';
	return choose_run(up);
}

void up_leave(struct up *up)
{
	if (up->run_is_ours && rmdir(up->run) != 0)
		command_fail(up->line, 0, "%s could not be removed: %s", up->run, strerror(errno));
}
