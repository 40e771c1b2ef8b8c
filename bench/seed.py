#!/usr/bin/env python3
"""Brings one questionnaire into the field through the API and prints the ids for the shell.

    bench/seed.py PORT EMAIL PASSWORD SURVEY.json
"""

import json
import sys
import urllib.error
import urllib.request


def call(port, method, path, body=None, token=None):
    rq = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                data=None if body is None else json.dumps(body).encode())
    rq.add_header("Content-Type", "application/json")
    if token:
        rq.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(rq, timeout=30) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as e:
        sys.exit(f"{method} {path}: {e.code} {e.read().decode()[:500]}")


def main():
    port, email, password, file = sys.argv[1:]
    with open(file, encoding="utf-8") as f:
        definition = json.load(f)
    title = definition["survey"]["title"]
    title = title if isinstance(title, str) else title["en"]
    login = call(port, "POST", "/api/v1/auth/login", {"email": email, "password": password})
    token = login["access_token"]
    me = call(port, "GET", "/api/v1/me", token=token)
    project = call(port, "POST", "/api/v1/projects", {"name": "Bench"}, token)
    survey = call(port, "POST", "/api/v1/surveys", {"project_id": project["id"], "title": title, "definition": definition}, token)
    version = call(port, "POST", f"/api/v1/surveys/{survey['id']}/publish", None, token)
    link = call(port, "POST", f"/api/v1/surveys/{survey['id']}/links", {"slug": "bench"}, token)
    tenant = me.get("tenant_id") or me["tenant"]["id"]
    print(f"TENANT={tenant} SURVEY={survey['id']} VERSION={version['number']} LINK={link['id']} SLUG={link['slug']} TOKEN={token}")


if __name__ == "__main__":
    main()
