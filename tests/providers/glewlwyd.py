"""Glewlwyd, Debian's OpenID provider, for the suite: prints its issuer, then signs people in.

Each line of standard input is a person and an address of the provider, `ada http://127.0.0.1:…`; the answer is a line
with the address to which the provider sends the browser then. It ends with its standard input. The package may be
unpacked below a folder, which is the first argument; the second is the secret of the client `papertrader`.
"""

import gzip
import http.cookiejar
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PASSWORD = "any password"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """A browser with cookies of its own."""

    def __init__(self, base):
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies, NoRedirect)
        self.base = base

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with self.opener.open(request, timeout=30) as answer:
            return answer.read()

    def location(self, url):
        try:
            self.opener.open(url, timeout=30)
        except urllib.error.HTTPError as answer:
            return answer.headers["Location"]
        return "nowhere"


def configuration(root, folder, port):
    lib = f"{root}/usr/lib/glewlwyd"
    os.mkdir(f"{folder}/middleware")
    return f"""
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="ERROR"
cookie_domain="127.0.0.1"
cookie_secure=0
session_key="GLEWLWYD"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{lib}/user"
user_middleware_module_path="{folder}/middleware"
client_module_path="{lib}/client"
user_auth_scheme_module_path="{lib}/scheme"
plugin_module_path="{lib}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{folder}/glewlwyd.db"; }};
"""


def plugin(issuer):
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True)
    key = made.stdout
    made = subprocess.run(["openssl", "rsa", "-pubout"], input=key, capture_output=True, text=True, check=True)
    enabled = {"code": True, "device": True, "id-token": True, "token": False, "none": False, "password": False,
               "client": False, "refresh": False}
    return {"module": "oidc", "name": "oidc", "display_name": "OIDC", "enabled": True, "parameters": {
        "iss": issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": key, "cert": made.stdout,
        "access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600,
        "refresh-token-rolling": True, "allow-non-oidc": False,
        **{f"auth-type-{kind}-enabled": value for kind, value in enabled.items()},
        "device-authorization-expiration": 600, "device-authorization-interval": 1,
        "scope": [], "additional-parameters": [], "claims": [], "jwks-show": True,
        "pkce-allowed": True, "pkce-method-plain-allowed": False, "subject-type": "public", "secret-type": "public",
        "address-claim": {"type": "no", "mandatory": False}, "name-claim": "no", "email-claim": "no",
        "scope-claim": "no", "request-parameter-allow": False, "request-uri-allow-https-non-secure": False}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(root, folder, port):
    sql = gzip.open(f"{root}/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt").read()
    database = sqlite3.connect(f"{folder}/glewlwyd.db")
    database.executescript(sql)
    database.close()
    with open(f"{folder}/glewlwyd.conf", "w", encoding="utf-8") as file:
        file.write(configuration(root, folder, port))
    libraries = ":".join(f"{root}/{entry}" for entry in ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"))
    return subprocess.Popen(
        [f"{root}/usr/bin/glewlwyd", "-c", f"{folder}/glewlwyd.conf"],
        env={**os.environ, "LD_LIBRARY_PATH": libraries}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def client(secret, redirect_uri):
    return {
        "client_id": "papertrader", "name": "PaperTrader", "confidential": True, "password": secret, "enabled": True,
        "redirect_uri": [redirect_uri], "authorization_type": ["code", "device_authorization"],
        "token_endpoint_auth_method": ["client_secret_basic"], "scope": ["openid"]}


def set_up(base, secret):
    administrator = Browser(base)
    login = {"username": "admin", "password": "password"}
    for _ in range(600):
        try:
            administrator.call("POST", "/api/auth/", login)
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    administrator.call("POST", "/api/mod/plugin/", plugin(f"{base}/api/oidc"))
    administrator.call("POST", "/api/client/", client(secret, "http://127.0.0.1:4711/back"))
    for name in ("ada", "grace"):
        administrator.call("POST", "/api/user/", {"username": name, "name": name, "password": PASSWORD,
                                                  "enabled": True, "scope": ["openid", "g_profile"]})
    return administrator


def sign_in(base, administrator, secret, name, url):
    # A program on the person's machine listens on any port (RFC 8252, section 7.3); Glewlwyd compares the port, too.
    wanted = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("redirect_uri")
    if wanted:
        administrator.call("PUT", "/api/client/papertrader", client(secret, wanted[0]))
    person = Browser(base)
    person.call("POST", "/api/auth/", {"username": name, "password": PASSWORD})
    person.call("PUT", "/api/auth/grant/papertrader", {"scope": "openid"})
    return person.location(url + ("&" if "?" in url else "?") + "g_continue")


def main():
    root, secret = os.path.abspath(sys.argv[1]), sys.argv[2]
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        server = start(root, folder, port)
        try:
            administrator = set_up(base, secret)
            print(f"{base}/api/oidc", flush=True)
            for line in sys.stdin:
                name, url = line.split()
                print(sign_in(base, administrator, secret, name, url), flush=True)
        finally:
            server.terminate()
            server.wait()


main()
