/* native.c - the calls of calls.h over a pipe: the native twin of compiler.wasm, for tests that compare the two.
 *
 * Input is a row of frames: call, program, length (32 bits each, little-endian), then that many bytes. For each comes a frame back:
 * enum call_status, length of the text, length of the bytes, then both. Ends with its input. */
#include <stdio.h>
#include "calls.h"

static bool get(void *to, size_t n)
{
	return fread(to, 1, n, stdin) == n;
}

int main(void)
{
	static struct calls calls;
	uint32_t head[3], back[3];
	struct reply reply;
	char *room;

	calls_init(&calls, &arena_malloc);
	while (get(head, sizeof(head))) {
		if (!(room = calls_input(&calls, head[2])) || !get(room, head[2]))
			return 1;
		back[0] = calls_do(&calls, head[0], head[1], str_make(room, head[2]), &reply);
		back[1] = (uint32_t)reply.text.n;
		back[2] = (uint32_t)reply.bytes.n;
		fwrite(back, 1, sizeof(back), stdout);
		fwrite(reply.text.p, 1, reply.text.n, stdout);
		fwrite(reply.bytes.p, 1, reply.bytes.n, stdout);
	}
	calls_free(&calls);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
