#!/usr/bin/env python3
"""The questionnaire of bench/lists, and its measuring.

    bench/lists.py survey                                             prints the definition
    bench/lists.py measure PORT SURVEY REQUESTS SOCKETS TENANT        prints medians in milliseconds, then plans
"""
import http.client
import json
import random
import statistics
import subprocess
import sys
import time
import urllib.parse


def choices(*values):
    return [{"value": v, "label": v} for v in values]


def survey():
    return {"schema_version": "1.0", "survey": {"title": "Shops", "language": "en", "languages": ["en", "vi"], "pages": [{"name": "all", "questions": [
        {"type": "single", "name": "shop", "title": "Shop", "choices": choices("big", "small", "market", "web", "rare")},
        {"type": "rating", "name": "nps", "title": "Recommend?", "min": 0, "max": 10},
        {"type": "number", "name": "age", "title": "Age"},
        {"type": "multi", "name": "liked", "title": "Liked", "choices": choices("staff", "price", "place", "range")},
        {"type": "boolean", "name": "again", "title": "Again?"},
        {"type": "matrix", "name": "rate", "title": "Rate", "cell": "single", "rows": choices("staff", "place"), "columns": choices("good", "bad")},
        {"type": "text", "name": "why", "title": "Why?"}]}]}}


KINDS = {
    "list": [{}],
    "list_page_deep": [{"cursor": True}],
    "filter_status": [{"status": "screened_out"}],
    "filter_created": [{"created_from": "2000-01-01T00:00:00Z", "language": "vi"}],
    "answer_common": [{"answer.shop": "big"}, {"answer.shop": "small,market"}, {"answer.liked": "range"}],
    "answer_rare": [{"answer.shop": "rare"}],
    "answers_two": [{"answer.shop": "web", "answer.nps": "3"}, {"answer.rate.staff": "bad", "answer.age": "33"}],
    "answer_range": [{"answer_min.age": "30", "answer_max.age": "40"}],
    "search_rare": [{"q": "Da Nang"}, {"q": "đà nẵng"}],
    "search_common": [{"q": "banh0"}, {"q": "com0"}],
    "search_piece": [{"q": "anh4e1"}, {"q": "uoc4e"}],
    "search_nothing": [{"q": "nothing like this"}, {"q": "zzzz"}],
    "search_and_answer": [{"q": "da nang", "answer.shop": "big"}],
}


class Api:
    def __init__(self, port, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", int(port))
        self.token = token

    def get(self, path):
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        reply = self.connection.getresponse()
        body = reply.read()
        took = (time.perf_counter() - begun) * 1000
        if reply.status != 200:
            sys.exit(f"{path}: {reply.status} {body[:300]}")
        return json.loads(body), took


def measure(port, survey_id, requests, sockets, tenant):
    api = Api(port, sign_in(port))
    base = f"/api/v1/surveys/{survey_id}/responses"
    ids = []
    for name, queries in KINDS.items():
        times, found, cursor = [], 0, None
        for i in range(int(requests)):
            query = dict(queries[i % len(queries)])
            if query.pop("cursor", None) and cursor:
                query["cursor"] = cursor
            body, took = api.get(f"{base}?{urllib.parse.urlencode(query)}")
            times.append(took)
            found = max(found, len(body["items"]))
            cursor = body["next"]
            ids += [r["id"] for r in body["items"][:2]]
        report(name, times, found)
    times = [api.get(f"{base}/{random.choice(ids)}")[1] for _ in range(int(requests))]
    report("one", times, 1)
    plans(sockets, tenant, survey_id)


def sign_in(port):
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    connection.request("POST", "/api/v1/auth/login", json.dumps({"email": "bench@bench.example", "password": "bench bench bench"}), {"Content-Type": "application/json"})
    return json.load(connection.getresponse())["access_token"]


def report(name, times, found):
    times.sort()
    print(f"{name:18} median {statistics.median(times):8.1f} ms   p95 {times[int(len(times) * 0.95) - 1]:8.1f} ms   items {found}", flush=True)


PLANS = {
    "filter on an answer that many gave": '{"any": [[["shop", "big"]]]}',
    "filter on an answer that few gave": '{"any": [[["shop", "rare"]]]}',
    "search for a word that few wrote": '{"q": "da nang"}',
    "search for a word that many wrote": '{"q": "banh0"}',
    "search for a piece of a word": '{"q": "anh4e1"}',
}


def plans(sockets, tenant, survey_id):
    for about, filter_json in PLANS.items():
        script = f"""load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on;
set auto_explain.log_timing = off; set client_min_messages = log; set search_path = collect, public; begin; select set_config('app.current_tenant_id', '{tenant}', true);
select count(*) from search_responses('{survey_id}', '{filter_json}', true, null, null, 51);"""
        out = subprocess.run(["psql", "-qXAt", "-h", sockets, "-U", "postgres", "-d", "collect"], input=script, capture_output=True, text=True)
        print(f"\n== {about}")
        keep = False
        for line in out.stderr.splitlines():
            if line.startswith("Query Text:"):
                keep = "s.response_id" in line or "with hit" in line
            if keep and not line.startswith(("LOG:", "CONTEXT:", "\t", "PL/pgSQL")):
                print(line)


if __name__ == "__main__":
    if sys.argv[1] == "survey":
        print(json.dumps(survey()))
    else:
        measure(*sys.argv[2:])
