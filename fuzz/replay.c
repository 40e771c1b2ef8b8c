/* Runs a fuzz target once over every file of a folder, without libFuzzer: the corpus as a regression test.
 * Usage: replay_TARGET FOLDER */
#include <dirent.h>
#include <stdlib.h>
#include "fuzz.h"

static void replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	unsigned char *data = malloc(1 * MB);
	size_t n;

	must(f && data);
	n = fread(data, 1, 1 * MB, f);
	fclose(f);
	/* exactly its length, so that the address sanitizer sees a step past the end */
	data = realloc(data, n > 0 ? n : 1);
	must(data);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	char path[4096];
	int files = 0;

	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		replay(path);
		files++;
	}
	closedir(folder);
	printf("%d files\n", files);
	return files > 0 ? 0 : 1;
}
