"""Reads reports of ThreadSanitizer or valgrind and prints each kind once: what was said, and how often."""
import re
import sys

text = sys.stdin.read()
# valgrind begins each line with ==PID==; ThreadSanitizer puts lines of = around each report
text = re.sub(r"^==\d+== ?", "", text, flags=re.M)
ends = r"^={10,}$" if "ThreadSanitizer" in text else r"\n[ \t]*\n(?=\S)"
parts = [p.strip() for p in re.split(ends, text, flags=re.M) if p.strip()]
kinds = {}
for part in parts:
    kind = re.sub(r"0x[0-9a-fA-F]+|\d[\d,]* bytes|pid=\d+|tid=\d+|T\d+|loss record \d[\d,]* of \d[\d,]*", "", part)
    summary = re.search(r"^SUMMARY: .*", part, flags=re.M)
    kinds.setdefault(summary.group(0) if summary else kind, []).append(part)
for same in kinds.values():
    print(f"{len(same)} times:\n{same[0]}\n")
