#!/usr/bin/env python3
"""Prints of a part's log what a person needs: the failing tests with their explanation, the sanitizers' word, the last lines.

    tests/failures.py LOG
"""

import re
import sys

TEST = re.compile(r"^(\s*)(not )?ok \d")
NOISE = re.compile(r"^\s*(duration_ms|type|location|failureType|code|name|\.\.\.|---)")
LINES_MAX = 150


def failing(lines):
    """Each `not ok` with what follows it until the next test; an explanation that stood before is not repeated."""
    title, block, known = None, [], set()
    for line in lines + ["ok 0"]:
        match = TEST.match(line)
        if match or re.match(r"^\s*# ", line):
            text = "\n".join(block)
            if title:
                yield title
                yield from (["      (as above)"] if text in known else block)
                known.add(text)
            title, block = (line if match and match.group(2) else None), []
        elif title and not NOISE.match(line):
            block.append(line)


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    shown = list(failing(lines))
    shown += [line for line in lines if "ERROR: AddressSanitizer" in line or "runtime error:" in line or "LeakSanitizer" in line]
    if not shown:
        shown = lines[-40:]
    for line in shown[:LINES_MAX]:
        print(line[:300])
    if len(shown) > LINES_MAX:
        print(f"... {len(shown) - LINES_MAX} more lines")


if __name__ == "__main__":
    main()
