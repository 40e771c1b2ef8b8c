#!/usr/bin/env python3
"""Opens many connections to a server on this machine and keeps them as its clients would who are slow or gone.

    bench/idle.py PORT MANY MODE PATH

MODE: silent (nothing is sent), kept (one request was answered, then nothing), headers (a byte of the head now and then), body (a byte of the body now and
then), read (the reply of PATH is taken a few bytes at a time, through a small window). Prints `ready N` when all are there and keeps them until its
input ends; connections that the server ended meanwhile are opened again, as such clients do; at the end it prints how often that was.
"""

import resource
import select
import socket
import sys

SLICE_SECONDS = 1.0


def connect(port, mode):
    s = socket.socket()
    if mode == "read":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", port))
    return s


def begin(s, mode, path):
    if mode in ("kept", "read"):
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    if mode == "headers":
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    if mode == "body":
        s.sendall(f"POST {path}/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n{{".encode())
    if mode == "kept":
        s.recv(65536)
    s.setblocking(False)
    return s


def step(s, mode):
    """What a slow client does once a second. Raises OSError when the server has ended the connection."""
    poll = select.poll()
    poll.register(s, select.POLLIN)
    try:
        if mode in ("headers", "body"):
            s.send(b" ")
        if poll.poll(0) and s.recv(64) == b"":
            raise ConnectionResetError
    except BlockingIOError:
        pass


def main():
    port, many, mode, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sockets = [begin(connect(port, mode), mode, path) for _ in range(many)]
    print(f"ready {len(sockets)}", flush=True)
    again, at = 0, 0
    share = max(1, many // 50)
    while not select.select([sys.stdin], [], [], SLICE_SECONDS / 50)[0]:
        if mode in ("silent", "kept"):
            continue
        for i in range(at, min(at + share, many)):
            try:
                step(sockets[i], mode)
            except OSError:
                sockets[i].close()
                sockets[i] = begin(connect(port, mode), mode, path)
                again += 1
        at = at + share if at + share < many else 0
    print(f"again {again}", flush=True)


if __name__ == "__main__":
    main()
