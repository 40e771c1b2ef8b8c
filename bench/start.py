#!/usr/bin/env python3
"""Starts `collect serve`, prints the milliseconds until a respondent's page came back whole, stops it.

    bench/start.py COLLECT SERVE.json SLUG
"""

import http.client
import json
import os
import subprocess
import sys
import time


def first_page(place, slug):
    """None until it is there."""
    try:
        with open(place, encoding="utf-8") as f:
            port = json.load(f)["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", f"/s/{slug}")
        reply = connection.getresponse()
        reply.read()
        return reply.status
    except (OSError, ValueError):
        return None


def main():
    collect, place, slug = sys.argv[1:]
    started = time.monotonic()
    server = subprocess.Popen([collect, "serve"], stdout=sys.stderr, stderr=sys.stderr)
    try:
        while (status := first_page(place, slug)) is None:
            if server.poll() is not None or time.monotonic() - started > 30:
                sys.exit("collect serve did not come up")
            time.sleep(0.001)
        if status != 200:
            sys.exit(f"the page came with status {status}")
        print(f"{(time.monotonic() - started) * 1000:.1f}")
    finally:
        server.terminate()
        server.wait()
        if os.path.exists(place):
            os.unlink(place)


if __name__ == "__main__":
    main()
