#include "main/password.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "io/clock.h"

#define PASSWORD_MIN_BYTES 8
#define PASSWORD_MAX_BYTES 200
#define PASSWORD_MADE_BYTES 16

enum err password_make(struct arena *a, struct str *out)
{
	static const char letters[33] = "abcdefghjkmnpqrstuvwxyz23456789A"; /* 32: five bits a letter, none preferred */
	unsigned char random[PASSWORD_MADE_BYTES];
	char *text = arena_alloc(a, sizeof random);
	size_t i;

	if (!text)
		return ERR_MEMORY;
	random_bytes(random, sizeof random);
	for (i = 0; i < sizeof random; i++)
		text[i] = letters[random[i] & 31];
	*out = str_make(text, sizeof random);
	return OK;
}

enum err password_read(const char *path, struct arena *a, struct str *out)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	char *text = arena_alloc(a, PASSWORD_MAX_BYTES + 2);
	size_t n = 0;
	ssize_t k = 0;

	if (fd < 0)
		return ERR_IO;
	while (text && n < PASSWORD_MAX_BYTES + 2) {
		k = read(fd, text + n, PASSWORD_MAX_BYTES + 2 - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	if (!standard)
		close(fd);
	if (!text)
		return ERR_MEMORY;
	if (k < 0)
		return ERR_IO;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n < PASSWORD_MIN_BYTES || n > PASSWORD_MAX_BYTES)
		return ERR_INVALID;
	*out = str_make(text, n);
	return OK;
}
