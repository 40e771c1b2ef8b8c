/* redis_address.c - reads where Redis is from the setting. */
#include <sys/un.h>
#include "base/hash.h"
#include "io/redis_private.h"

#define DEFAULT_PORT 6379
#define PORT_MAX 65535
#define DATABASE_MAX 65535 /* Redis itself knows how many it has */
#define SOCKET_PATH_BYTES sizeof((struct sockaddr_un){0}.sun_path)

static bool copy_part(char *out, size_t room, struct str s)
{
	if (s.n >= room || str_find_char(s, 0, NULL))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

/* A password may hold any character, so in an address some of them are written %40. */
static bool copy_decoded(char *out, size_t room, struct str s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		unsigned char byte = (unsigned char)s.p[i];

		if (s.p[i] == '%') {
			if (!hex_read(str_sub(s, i + 1, 2), &byte, 1) || !byte)
				return false;
			i += 2;
		}
		if (n + 1 >= room)
			return false;
		out[n++] = (char)byte;
	}
	out[n] = 0;
	return true;
}

static bool read_number(struct str s, int max, int *out)
{
	int64_t v;

	if (!str_to_int(s, &v) || v < 0 || v > max)
		return false;
	*out = (int)v;
	return true;
}

static bool read_unix(struct str rest, struct redis_address *out)
{
	bool more;
	struct str path = str_cut(&rest, '?', &more);

	/* What does not fit a socket's address would be connected to under a shorter name. */
	if (!str_starts(path, S("/")) || path.n >= SOCKET_PATH_BYTES || !copy_part(out->host, sizeof out->host, path))
		return false;
	return !more || (str_starts(rest, S("db=")) && read_number(str_sub(rest, 3, rest.n), DATABASE_MAX, &out->db));
}

/* A user without a password would be signed in as the default user, which may do more. */
static bool read_sign_in(struct str who, struct redis_address *out)
{
	struct str user = str_cut(&who, ':', NULL);

	return (who.n || !user.n) && copy_decoded(out->user, sizeof out->user, user) &&
	       copy_decoded(out->password, sizeof out->password, who);
}

static bool read_host(struct str host, struct redis_address *out)
{
	struct str name;
	size_t end;
	bool has_port;

	out->port = DEFAULT_PORT;
	if (str_starts(host, S("[")) && str_find_char(host, ']', &end)) {
		name = str_sub(host, 1, end - 1);
		host = str_sub(host, end + 1, host.n);
		has_port = str_starts(host, S(":"));
		if (host.n && !has_port)
			return false;
		host = str_sub(host, 1, host.n);
	} else {
		name = str_cut(&host, ':', &has_port);
	}
	if (has_port && (!read_number(host, PORT_MAX, &out->port) || !out->port))
		return false;
	return name.n && copy_part(out->host, sizeof out->host, name);
}

static bool read_place(struct str rest, struct redis_address *out)
{
	struct str place = str_cut(&rest, '/', NULL), who = {0};
	size_t at = place.n;

	if (rest.n && !read_number(rest, DATABASE_MAX, &out->db))
		return false;
	/* The last one: a password is often pasted in as it is. */
	while (at && place.p[at - 1] != '@')
		at--;
	if (at) {
		who = str_sub(place, 0, at - 1);
		if (!read_sign_in(who, out))
			return false;
	}
	return read_host(str_sub(place, at, place.n), out);
}

bool redis_address_read(struct str url, struct redis_address *out)
{
	*out = (struct redis_address){0};
	if (str_starts(url, S("unix://")))
		return read_unix(str_sub(url, 7, url.n), out);
	return str_starts(url, S("redis://")) && read_place(str_sub(url, 8, url.n), out);
}
