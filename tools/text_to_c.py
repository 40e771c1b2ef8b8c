#!/usr/bin/env python3
"""Turns text files into C constants: text_to_c.py OUT.c HEADER NAME=FILE...  HEADER declares `extern const struct str NAME`."""

import sys


def c_bytes(data):
    """Numbers, sixteen a line: a string literal would be longer than ISO C promises."""
    return "".join("\t" + "".join(f"{byte}, " for byte in data[at:at + 16]).rstrip() + "\n" for at in range(0, len(data), 16))


def main():
    if len(sys.argv) < 4:
        sys.exit("usage: text_to_c.py OUT.c HEADER NAME=FILE...")
    parts = [f'/* Made by tools/text_to_c.py. */\n#include "{sys.argv[2]}"\n']
    for pair in sys.argv[3:]:
        name, path = pair.split("=", 1)
        with open(path, "rb") as f:
            data = f.read()
        parts.append(f"\nstatic const unsigned char {name}_bytes[] = {{\n{c_bytes(data)}}};\n"
                     f"const struct str {name} = {{ (const char *){name}_bytes, sizeof {name}_bytes }};\n")
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("".join(parts))


if __name__ == "__main__":
    main()
