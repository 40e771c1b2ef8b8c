#!/usr/bin/env python3
"""The same questionnaire twice: as a definition of ours and as SurveyJS has it, with one set of answers.

    bench/engine_surveys.py FOLDER     writes ours-N.json, surveyjs-N.json, answers-N.json for N = 25, 500 and events-N.json

Six kinds of questions in turn, five to a page; of each kind some are shown on a condition, numbers have a validator, and every tenth question
is followed by a calculated value. The conditions are written in the language that both share, so both sides have the same to do.
events-N.json: the answers page by page, in order: what a respondent sends.
"""

import json
import os
import sys

WORDS = ["staff", "range", "price", "place", "hours"]


def condition(i):
    """Looks back at the kinds of questions before; true for most of the answers below."""
    if i % 3 != 2 or i < 6:
        return None
    base = i - i % 6
    return [f"{{choice_{base - 6}}} = 'range' or {{number_{base - 4}}} > 20",
            f"{{several_{base - 5}}} contains 'price' and {{rating_{base - 3}}} >= 3"][i // 3 % 2]


def both(i):
    """One question: ours, SurveyJS's, the answer."""
    kind = ["choice", "several", "number", "rating", "text", "yes"][i % 6]
    name, title = f"{kind}_{i}", f"Question {i} about the {WORDS[i % 5]} of our shop"
    ours, theirs = {"name": name, "title": title}, {"name": name, "title": title}
    if i % 2 == 0:
        ours["required"], theirs["isRequired"] = True, True
    shown = condition(i)
    if shown:
        ours["visible_if"], theirs["visibleIf"] = shown, shown
    if kind == "choice":
        ours.update(type="single", choices=[{"value": w, "label": w.title()} for w in WORDS])
        theirs.update(type="radiogroup", choices=[{"value": w, "text": w.title()} for w in WORDS])
        return ours, theirs, WORDS[1 + i // 6 % 2]
    if kind == "several":
        ours.update(type="multi", choices=[{"value": w, "label": w.title()} for w in WORDS] +
                    [{"value": "none", "label": "None of these", "exclusive": True, "role": "none"}])
        theirs.update(type="checkbox", choices=[{"value": w, "text": w.title()} for w in WORDS], showNoneItem=True, noneText="None of these")
        return ours, theirs, ["range", "price"]
    if kind == "number":
        ours.update(type="number", min=0, max=100, validators=[{"expression": "{.} <= 99", "message": "Please check the number."}])
        theirs.update(type="text", inputType="number", min=0, max=100,
                      validators=[{"type": "expression", "expression": f"{{{name}}} <= 99", "text": "Please check the number."}])
        return ours, theirs, 7 + i % 60
    if kind == "rating":
        ours.update(type="rating", min=0, max=10)
        theirs.update(type="rating", rateMin=0, rateMax=10)
        return ours, theirs, 3 + i % 7
    if kind == "text":
        ours.update(type="text", max_length=200)
        theirs.update(type="text", maxLength=200)
        return ours, theirs, f"The {WORDS[i % 5]} was good, thank you."
    ours.update(type="boolean")
    theirs.update(type="boolean")
    return ours, theirs, True


def survey(n):
    ours, theirs, answers, calculated = [], [], {}, []
    for i in range(n):
        a, b, answer = both(i)
        ours.append(a)
        theirs.append(b)
        answers[a["name"]] = answer
        if i % 10 == 9:
            numbers = [k for k in range(i - 9, i + 1) if k % 6 == 2]
            # an empty answer counts as 0 with SurveyJS
            calculated.append((f"score_{i}", " + ".join(f"coalesce({{number_{k}}}, 0)" for k in numbers) + f" + {i}",
                               " + ".join(f"{{number_{k}}}" for k in numbers) + f" + {i}"))
    pages = range(0, n, 5)
    return {
        f"ours-{n}.json": {"schema_version": "1.0", "survey": {
            "title": "Benchmark", "language": "en", "languages": ["en"],
            "calculated": [{"name": c, "type": "number", "expression": e, "export": True} for c, e, _ in calculated],
            "pages": [{"name": f"page_{p}", "questions": ours[p:p + 5]} for p in pages]}},
        f"surveyjs-{n}.json": {
            "title": "Benchmark", "calculatedValues": [{"name": c, "expression": e, "includeIntoResult": True} for c, _, e in calculated],
            "pages": [{"name": f"page_{p}", "elements": theirs[p:p + 5]} for p in pages]},
        f"answers-{n}.json": answers,
        f"events-{n}.json": [[[name, answers[name]] for name in list(answers)[p:p + 5]] for p in pages],
    }


def main():
    for n in (25, 500, *map(int, sys.argv[2:])):
        for name, value in survey(n).items():
            with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as f:
                json.dump(value, f, ensure_ascii=False, separators=(",", ":"))


main()
