#!/usr/bin/env python3
"""Turns the manifest of web/build.mjs into C: one table of static files, the table of src/main/embed.h.

    tools/embed.py MANIFEST OUT.c

The bytes come in by .incbin, so the compiler never parses two megabytes of numbers. The etag is the content's hash; because it stands
in the C text, a changed file changes the C file and is taken in again.
"""

import hashlib
import sys

HEAD = """/* Written by tools/embed.py from the manifest of web/build.mjs. */
#include "main/embed.h"

"""

BLOB = """__asm__(".pushsection .rodata\\n"
	".balign 16\\n"
	".local {name}\\n"
	"{name}:\\n"
	".incbin \\"{path}\\"\\n"
	".byte 0\\n"
	".popsection\\n");
extern const char {name}[];
"""


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def smaller(identity, packed):
    """A compressed form that saves nothing is not worth a header."""
    return packed if len(packed) < len(identity) else b""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: embed.py MANIFEST OUT.c")
    blobs, rows = [], []
    with open(sys.argv[1], encoding="utf-8") as f:
        files = sorted(line.rstrip("\n").split("\t") for line in f)
    for i, (url, media_type, path) in enumerate(files):
        identity = read(path)
        etag = hashlib.sha256(identity).hexdigest()[:16]
        views = []
        for form, suffix in (("identity", ""), ("gzip", ".gz"), ("br", ".br")):
            packed = identity if not suffix else smaller(identity, read(path + suffix))
            if not packed:
                views.append("{ 0, 0 }")
                continue
            name = f"embedded_{i}_{form}"
            blobs.append(BLOB.format(name=name, path=quoted(quoted(path + suffix))))
            views.append(f"{{ {name}, {len(packed)} }}")
        rows.append(f'\t{{ "{quoted(url)}", "{quoted(media_type)}", "\\"{etag}\\"", {", ".join(views)} }},\n')
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(HEAD + "".join(blobs))
        f.write(f"\nconst struct embedded_file embedded_files[] = {{\n{''.join(rows)}}};\n")
        f.write(f"const size_t embedded_file_count = {len(rows)};\n")


if __name__ == "__main__":
    main()
