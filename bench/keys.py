#!/usr/bin/env python3
"""Makes the two keys of a throw-away server: the key-encryption key and the token's signing key.

    bench/keys.py FOLDER
"""

import base64
import json
import os
import subprocess
import sys


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as f:
        f.write(text)


def main():
    folder = sys.argv[1]
    # an EC private key in DER holds the secret number at byte 7 and ends with the public point
    der = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    jwk = {"kty": "EC", "crv": "P-256", "d": b64(der[7:39]), "x": b64(der[-64:-32]), "y": b64(der[-32:]), "alg": "ES256", "use": "sig",
           "kid": "bench"}
    write(os.path.join(folder, "kek"), b64(os.urandom(32)) + "\n")
    write(os.path.join(folder, "token.jwk"), json.dumps(jwk))


if __name__ == "__main__":
    main()
