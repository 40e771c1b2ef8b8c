#!/usr/bin/env python3
"""Prints of a part's log what a person needs: the failing tests with their explanation, the sanitizers' word, the last lines.

    tests/failures.py LOG
"""

import re
import sys

TEST = re.compile(r"^(\s*)(not )?ok \d")
LINES_MAX = 150


def failing(lines):
    """Each `not ok` with what follows it until the next test."""
    keep = False
    for line in lines:
        match = TEST.match(line)
        if match:
            keep = bool(match.group(2))
        elif re.match(r"^\s*# Subtest", line):
            keep = False
        if keep:
            yield line


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    shown = [line for line in failing(lines) if not re.match(r"^\s*(duration_ms|type|location|\.\.\.|---)", line)]
    shown += [line for line in lines if "ERROR: AddressSanitizer" in line or "runtime error:" in line or "LeakSanitizer" in line]
    if not shown:
        shown = lines[-40:]
    for line in shown[:LINES_MAX]:
        print(line[:300])
    if len(shown) > LINES_MAX:
        print(f"... {len(shown) - LINES_MAX} more lines")


if __name__ == "__main__":
    main()
