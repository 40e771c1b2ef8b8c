#include "main/contain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/limits.h"
#include "io/confine.h"

#define PATHS_MAX 128
#define PATH_BYTES 4096
#define PORTS_MAX 2

/* Libraries that are opened late (names, character sets, OpenSSL's), names of hosts and users, certificates, the kernel's figures. */
static const char *const system_paths[] = {"/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib",
    "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/ssl",
    "/etc/ld.so.cache", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/networks", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/timezone",
    "/etc/krb5.conf", "/etc/gss", "/run/systemd/resolve", "/run/resolvconf", "/proc/self", "/proc/stat",
    "/proc/meminfo", "/proc/cpuinfo", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/random", "/proc/sys/net",
    "/sys/devices/system/cpu", "/dev/null", "/dev/urandom"};
/* Of libpq, in the user's home. */
static const char *const home_paths[] = {".pgpass", ".pg_service.conf", ".postgresql"};

struct paths {
	struct arena *arena;
	const char *all[PATHS_MAX + 1];
	size_t n;
};

static enum err add(struct paths *p, struct str path)
{
	if (path.n == 0 || p->n == PATHS_MAX)
		return OK;
	p->all[p->n] = str_cstr(p->arena, path);
	return p->all[p->n++] ? OK : ERR_MEMORY;
}

static struct str folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return !slash ? S(".") : slash == file ? S("/") : str_make(file, (size_t)(slash - file));
}

/* Beside such a file lie keys, the cluster and the superuser's password: then only the file itself, though an editor that replaces it
 * rather than writes into it makes it unreadable for the next HUP. */
static bool in_data_folder(const struct config *c, const char *file)
{
	char data[PATH_MAX], path[PATH_MAX];
	size_t n;

	if (!realpath(config_text(c, CFG_data), data) || !realpath(file, path))
		return false;
	n = strlen(data);
	return strncmp(path, data, n) == 0 && path[n] == '/';
}

static enum err readable(struct paths *p, const struct config *c)
{
	const char *const *file, *home = getenv("HOME");
	struct str more = str_from(config_text(c, CFG_confine_read));
	char path[PATH_BYTES];
	enum err e;
	size_t i;

	for (i = 0; i < countof(system_paths); i++)
		if ((e = add(p, str_from(system_paths[i]))))
			return e;
	for (i = 0; home && *home && i < countof(home_paths); i++) {
		snprintf(path, sizeof path, "%s/%s", home, home_paths[i]);
		if ((e = add(p, str_from(path))))
			return e;
	}
	for (file = config_files(c); *file; file++)
		if ((e = add(p, in_data_folder(c, *file) ? str_from(*file) : folder_of(*file))))
			return e;
	if ((e = add(p, str_from(config_text(c, CFG_ca_file)))))
		return e;
	while (more.n > 0)
		if ((e = add(p, str_trim(str_cut(&more, ' ', NULL)))))
			return e;
	return OK;
}

/* ---- folders ---- */

struct owner {
	bool given; /* root starts it for somebody */
	unsigned uid, gid;
};

static bool make_folder(const char *path, mode_t mode, const struct owner *o)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return false;
	return !o->given || lchown(path, o->uid, o->gid) == 0;
}

/* Neither what a server left that was killed nor a file of an older release may be taken for this server's word. */
static bool make_place(const char *data, const struct owner *o, struct paths *writable)
{
	char folder[PATH_BYTES], file[PATH_BYTES], link[PATH_BYTES];

	if (snprintf(file, sizeof file, "%s/" PLACE_FILE, data) >= (int)sizeof file)
		return false;
	snprintf(folder, sizeof folder, "%s/" PLACE_FOLDER, data);
	snprintf(link, sizeof link, "%s/serve.json", data);
	if (!make_folder(folder, 0755, o) || (unlink(file) != 0 && errno != ENOENT) ||
	    (unlink(link) != 0 && errno != ENOENT) || symlink(PLACE_FILE, link) != 0)
		return false;
	return add(writable, str_from(folder)) == OK;
}

static enum err writable(
    struct paths *p, const struct config *c, enum open_part part, const struct owner *o, struct str *why)
{
	const char *data = config_text(c, CFG_data);
	char path[PATH_BYTES];

	if (part == OPEN_SERVER) {
		if (!config_is_set(c, CFG_data) || make_place(data, o, p))
			return OK;
		*why = S("serve.json cannot be written into the data folder");
		return ERR_IO;
	}
	/* A worker that cannot write mails says so when it has one. */
	if (!*config_text(c, CFG_smtp_url) && snprintf(path, sizeof path, "%s/mail", data) < (int)sizeof path &&
	    make_folder(path, 0700, o))
		return add(p, str_from(path));
	return OK;
}

/* Links in mails lead to where serve.json says, when there is no public_url; the worker may be there before the server. */
static enum err see_place(struct paths *p, const struct config *c, const struct owner *o)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof path, "%s/" PLACE_FOLDER, config_text(c, CFG_data)) < (int)sizeof path &&
	    make_folder(path, 0755, o))
		return add(p, str_from(path));
	return OK;
}

/* ---- telling ---- */

static void gauge(struct app *app, const char *part, double v)
{
	struct str label = str_from(part);

	metric_set(metrics_series(app->metrics, M_CONFINED, &label), v);
}

static void tell(struct app *app, bool asked, const struct confine_status *s)
{
	bool root = geteuid() == 0;
	char text[512], abi[16];

	snprintf(abi, sizeof abi, "%d", s->landlock_abi);
	gauge(app, "landlock", s->landlock_abi);
	gauge(app, "seccomp", s->seccomp);
	gauge(app, "no_new_privileges", s->no_new_privileges);
	gauge(app, "no_core", s->no_core);
	gauge(app, "unprivileged", !root);
	if (!asked) {
		log_message(app->log, LOG_WARN, "not confined", S("the setting confine is off"));
	} else {
		snprintf(text, sizeof text, "core files: %s; files: %s%s%s; system calls: %s%s",
		    s->no_core ? "none" : "as usual", s->landlock_abi ? "Landlock " : "not confined, ",
		    s->landlock_abi ? abi : "", s->landlock_why, s->seccomp ? "filtered" : "not filtered, ",
		    s->seccomp_why);
		log_message(app->log, s->landlock_abi && s->seccomp ? LOG_INFO : LOG_WARN, "confined", str_from(text));
	}
	if (root)
		log_message(app->log, LOG_WARN, "runs as root",
		    S("name a user in the setting user, or start it as one; it needs nothing of root"));
}

static enum err become(const struct config *c, struct arena *a, struct str *why)
{
	const char *user = config_text(c, CFG_user), *fault;
	char text[256];

	if (!*user || geteuid() != 0 || confine_user(user, &fault))
		return OK;
	snprintf(text, sizeof text, "user \"%s\": %s", user, fault);
	*why = str_dup(a, str_from(text));
	return ERR_SETTING;
}

enum err contain(struct app *app, struct arena *a, enum open_part part, struct str *why)
{
	const struct config *c = app->config;
	const char *user = config_text(c, CFG_user);
	struct paths *read = arena_new(a, struct paths), *write = arena_new(a, struct paths);
	unsigned short ports[PORTS_MAX] = {
	    (unsigned short)config_int(c, part == OPEN_SERVER ? CFG_internal_port : CFG_worker_port),
	    (unsigned short)config_int(c, CFG_port)};
	struct confine_config confined = {.ports = ports, .port_count = part == OPEN_SERVER ? 2 : 1};
	struct confine_status status = {0};
	struct owner owner = {0};
	enum err e;

	if (!read || !write)
		return ERR_MEMORY;
	read->arena = write->arena = a;
	owner.given = *user && geteuid() == 0 && confine_user_ids(user, &owner.uid, &owner.gid);
	if ((e = writable(write, c, part, &owner, why)) || (part == OPEN_WORKER && (e = see_place(read, c, &owner))) ||
	    (e = readable(read, c)) || (e = become(c, a, why)))
		return e;
	confined.read = read->all;
	confined.write = write->all;
	if (config_bool(c, CFG_confine))
		confine(&confined, &status);
	tell(app, config_bool(c, CFG_confine), &status);
	return OK;
}

/* ---- for the doctor ---- */

/* A figure of /proc/PID/status, decimal; -1: there is none. */
static int figure(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? (int)strtol(at + strlen(name), NULL, 10) : -1;
}

static bool read_text(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static int server_pid(const struct config *c)
{
	char path[PATH_BYTES], text[1024];
	const char *at;

	if (snprintf(path, sizeof path, "%s/serve.json", config_text(c, CFG_data)) >= (int)sizeof path ||
	    !read_text(path, text, sizeof text) || !(at = strstr(text, "\"pid\":")))
		return 0;
	return (int)strtol(at + 6, NULL, 10);
}

static bool report_server(const struct config *c, struct contain_line *line)
{
	int pid = server_pid(c), uid, privileges, filter;
	char path[64], status[8 * KB];

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	if (pid <= 0 || !read_text(path, status, sizeof status))
		return false;
	uid = figure(status, "\nUid:");
	privileges = figure(status, "\nNoNewPrivs:");
	filter = figure(status, "\nSeccomp:");
	*line = (struct contain_line){.title = "running server"};
	line->wrong = config_bool(c, CFG_confine) &&
		      (uid == 0 || privileges != 1 || (filter != 2 && confine_seccomp_available()));
	snprintf(line->text, sizeof line->text, "process %d, %s; may gain privileges: %s; system calls: %s", pid,
	    uid == 0 ? "as root (name a user in the setting user)" : "not as root", privileges == 1 ? "no" : "yes",
	    filter == 2 ? "filtered" : "all");
	return true;
}

size_t contain_report(const struct config *c, struct contain_line lines[CONTAIN_LINES_MAX])
{
	int abi = confine_landlock_abi();
	char number[16] = "";
	size_t n = 0;

	if (abi)
		snprintf(number, sizeof number, "%d", abi);
	lines[n] = (struct contain_line){.title = "confinement"};
	snprintf(lines[n++].text, sizeof lines->text,
	    "Landlock: %s%s; filter of system calls: %s; the setting confine is %s",
	    abi ? "ABI " : "not in this kernel, files are not confined", number,
	    confine_seccomp_available() ? "yes" : "not in this kernel", config_bool(c, CFG_confine) ? "on" : "off");
	n += report_server(c, &lines[n]);
	return n;
}
