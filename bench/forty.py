#!/usr/bin/env python3
"""A questionnaire of forty questions and one set of answers to it, about 1.4 kB, as bench/ingest sends and pgbench inserts.

    bench/forty.py FOLDER        writes forty.json, answers.json (the object) and body.json (the request)

ingest.json and ingest-body.json have two questions more: an area, one of twenty, each a quota cell, and a name, which is personal.
"""

import json
import os
import sys

SENTENCES = ["The staff was friendly and quick, thank you.", "I would like longer opening hours at the weekend.",
             "Giá cả hợp lý, nhưng bãi giữ xe hơi nhỏ."]


def question(i):
    if i % 3 == 0:
        return {"type": "text", "name": f"remark_{i}", "title": f"Remark {i}", "max_length": 500}, SENTENCES[i // 3 % 3]
    if i % 3 == 1:
        return {"type": "rating", "name": f"rating_{i}", "title": f"Statement {i}", "min": 0, "max": 10}, i % 11
    choices = [{"value": v, "label": v.title()} for v in ("staff", "range", "price", "place")]
    return {"type": "multi", "name": f"liked_{i}", "title": f"Liked {i}", "choices": choices}, ["range", "price"]


def main():
    folder = sys.argv[1]
    questions, answers = [], {}
    for i in range(40):
        q, answer = question(i)
        questions.append(q)
        answers[q["name"]] = answer
    pages = [{"name": f"page_{p}", "questions": questions[p * 8:p * 8 + 8]} for p in range(5)]
    areas = [f"a{n:02}" for n in range(20)]
    more = [{"type": "single", "name": "area", "title": "Area", "choices": [{"value": v, "label": v} for v in areas]},
            {"type": "text", "name": "full_name", "title": "Name", "max_length": 100, "pii": True}]
    cells = [{"name": v, "when": f"{{area}} = '{v}'", "limit": 1000000} for v in areas]
    ingest = {"title": "Forty questions", "language": "en", "languages": ["en"],
              "pages": pages + [{"name": "page_more", "questions": more}], "quotas": [{"name": "areas", "cells": cells}]}
    files = {
        "ingest.json": {"schema_version": "1.0", "survey": ingest},
        "ingest-body.json": {"answers": {**answers, "area": "a@@", "full_name": "Nguyễn Thị Minh Khai"}, "language": "en", "parameters": {}},
        "ingest-answers.json": {**answers, "area": "a00"},
        "forty.json": {"schema_version": "1.0", "survey": {"title": "Forty questions", "language": "en", "languages": ["en"], "pages": pages}},
        "answers.json": answers,
        "body.json": {"answers": answers, "language": "en", "parameters": {}},
    }
    for name, value in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(value, f, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
