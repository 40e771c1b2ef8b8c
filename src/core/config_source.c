#include "core/config_source.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/limits.h"

#define FILE_MAX_BYTES (256 * KB)
#define PREFIX_BYTES 8 /* COLLECT_ */

extern char **environ;

enum err config_file_read(struct arena *a, const char *path, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	char *room;

	if (fd < 0)
		return ERR_IO;
	buf_init(&b, a, FILE_MAX_BYTES);
	while ((room = buf_room(&b, 4096))) {
		ssize_t n = read(fd, room, 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return n < 0 ? ERR_IO : buf_done(&b, out);
		}
		b.n += (size_t)n;
	}
	close(fd);
	return ERR_TOO_LARGE;
}

static bool is_variable(struct str name, const char *setting)
{
	bool same = str_starts(name, S("COLLECT_")) && name.n == PREFIX_BYTES + strlen(setting);

	for (size_t i = PREFIX_BYTES; same && i < name.n; i++)
		same = (name.p[i] | 32) == (setting[i - PREFIX_BYTES] | 32);
	return same;
}

void environment_forget(const char *setting)
{
	for (char **at = environ; *at; at++) {
		struct str value = str_from(*at), name = str_cut(&value, '=', NULL);

		if (is_variable(name, setting))
			explicit_bzero((void *)(uintptr_t)value.p, value.n);
	}
}
