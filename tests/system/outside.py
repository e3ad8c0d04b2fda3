#!/usr/bin/env python3
"""What lies outside of a deployment: a name server, an exchange over HTTPS, and a mail server.

    outside.py FOLDER

Serves in the network of the machine that it is started for, until it is killed. FOLDER has cert.pem
and key.pem; it gets each mail as N.eml, and calls.log with a line for each name that was asked for
and each call of the exchange. Prints "ready" once all of them listen.
"""
import base64, datetime, http.server, json, pathlib, socket, socketserver, ssl, struct, sys, threading, time
import urllib.parse

DOMAIN = "papertrader.test"
NAME_SERVER, ADDRESS = "127.0.0.53", "127.0.0.2"
SYMBOL = "BTCUSDT"
FOLDER = None
LOCK = threading.Lock()


def note(line):
    with LOCK, open(FOLDER / "calls.log", "a") as log:
        log.write(line + "\n")


class Names(socketserver.DatagramRequestHandler):
    """Answers for names below DOMAIN with ADDRESS, and for all others that there are none."""

    def handle(self):
        asked = self.rfile.read()
        labels, at = [], 12
        while asked[at]:
            labels.append(asked[at + 1:at + 1 + asked[at]].decode())
            at += 1 + asked[at]
        kind = struct.unpack("!H", asked[at + 1:at + 3])[0]
        question, name = asked[12:at + 5], ".".join(labels).lower()
        note(f"name {name} {kind}")
        known = name.endswith("." + DOMAIN)
        answers = 1 if known and kind == 1 else 0
        # A response, authoritative; 3: there is no such name.
        self.wfile.write(asked[:2] + struct.pack("!HHHHH", 0x8580 | (0 if known else 3), 1, answers, 0, 0) + question)
        if answers:
            self.wfile.write(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(ADDRESS))


class Exchange(http.server.BaseHTTPRequestHandler):
    """The three calls of Binance's public API that a master makes."""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        note(f"call {url.path}")
        answer = {"/api/v3/exchangeInfo": self.listed, "/api/v3/ticker/24hr": self.tickers,
                  "/api/v3/klines": self.days}.get(url.path)
        body = json.dumps(answer(urllib.parse.parse_qs(url.query)) if answer else {}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def listed(self, _):
        return {"symbols": [{"symbol": SYMBOL, "status": "TRADING", "quoteAsset": "USDT"}]}

    def tickers(self, _):
        now = int(time.time() * 1000)
        return [{"symbol": SYMBOL, "lastPrice": f"5000{now // 1000 % 10}.25", "lastQty": "0.5",
                 "closeTime": now, "lastId": now // 1000}]

    def days(self, query):
        first, last = int(query["startTime"][0]), int(query["endTime"][0])
        today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        times = [int((today - datetime.timedelta(days=back)).timestamp() * 1000) for back in range(30, 0, -1)]
        return [[at, "49000", "51000", "48000", "50000", "12.5", at + 86_399_999, "0", 1, "0", "0", "0"]
                for at in times if first <= at <= last]

    def log_message(self, *_):
        pass


class Mail(socketserver.StreamRequestHandler):
    """SMTP as a submission server speaks it over TLS; keeps what it is sent."""

    count = 0

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say(f"220 mail.{DOMAIN} ESMTP")
        while line := self.rfile.readline().decode(errors="replace").strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self.say(f"250-mail.{DOMAIN}")
                self.say("250-8BITMIME")
                self.say("250 AUTH PLAIN")
            elif word == "AUTH":
                known = base64.b64decode(line.split()[-1]) == b"\0me\0secret"
                self.say("235 welcome" if known else "535 who are you")
            elif word == "DATA":
                self.say("354 go on")
                self.take()
            elif word == "QUIT":
                self.say("221 good bye")
                return
            else:
                self.say("250 well")

    def take(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        with LOCK:
            Mail.count += 1
            part = FOLDER / f"{Mail.count}.part"
            part.write_bytes(b"".join(lines))
            part.rename(FOLDER / f"{Mail.count}.eml")
        self.say("250 kept")


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    global FOLDER
    FOLDER = pathlib.Path(sys.argv[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    serve(socketserver.ThreadingUDPServer((NAME_SERVER, 53), Names))
    for port, handler in ((443, Exchange), (465, Mail)):
        server = socketserver.ThreadingTCPServer((ADDRESS, port), handler)
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serve(server)
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
