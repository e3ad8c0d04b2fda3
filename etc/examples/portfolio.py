#!/usr/bin/env python3
"""usage: portfolio.py HOST:PORT USERNAME PASSWORD [papertrader.json]"""
import decimal, hashlib, io, json, pathlib, socket, sys, unicodedata
from client import JSON, call, encode, receive

def decode_scalar(scalar, data):
    size = scalar.get("bytes")
    if scalar["encoding"] == "text":
        size = int.from_bytes(data.read(scalar["lengthBytes"]), "big")
    value = data.read(size)
    if size and len(value) < size:
        raise ValueError("the payload is shorter than its layout")
    if scalar["encoding"] == "integer":
        return int.from_bytes(value, "big", signed=scalar["signed"])
    return value.decode() if scalar["encoding"] == "text" else value.hex()

def decode(wire, field, data, outer):
    if "scalar" in field:
        return decode_scalar(wire["scalars"][field["scalar"]], data)
    record, end = {}, len(data.getbuffer())
    for part in wire["layouts"][field["layout"]]["fields"]:
        known, when, count = {**outer, **record}, part.get("when"), part.get("repeated")
        if when and known[when["field"]] & when["mask"] != when["equals"]:
            continue
        if count is None:
            record[part["name"]] = decode(wire, part, data, known)
            continue
        items = record[part["name"]] = []
        while (data.tell() < end) if count == "*" else (len(items) < known[count]):
            items.append(decode(wire, part, data, known))
    return record

def read(wire, stream, name, *texts):
    row = next(row for row in wire["instructions"] if row["name"] == name)
    stream.write(encode(wire, row, texts))
    stream.flush()
    layouts = {answer["number"]: answer["payload"] for answer in row["answers"]
               if "payload" in answer}
    failures = {row["number"]: row["name"] for row in wire["instructions"]
                if row["name"] in ("dataFail", "protocolError")}
    limit = next(entry["value"] for entry in wire["limits"] if entry["name"] == "payload")
    payload = b""
    while len(payload) <= limit:
        head, data = receive(wire["header"], stream)
        number = head["instruction"]
        if number in failures:
            raise ValueError(" ".join([failures[number], *[ascii(text)[1:-1] for text in data]]))
        payload += data if number in layouts else b""
        if number in layouts and head["dataMessageNumber"] == head["dataMessageMax"]:
            return decode(wire, {"layout": layouts[number]}, io.BytesIO(payload), {})
    raise ValueError(f"a payload of more than {limit} bytes")

def main(address, username, password, path=JSON):
    wire = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    salt = (wire["hashedPass"]["salt"] + username.lower()).encode()
    normal = unicodedata.normalize(wire["hashedPass"]["normalization"], password).encode()
    key = hashlib.pbkdf2_hmac("sha256", normal, salt, wire["hashedPass"]["rounds"]).hex()
    host, _, port = address.rpartition(":")
    stream = socket.create_connection((host.strip("[]"), port), timeout=600).makefile("rwb")
    session = call(wire, stream, "login", username, key, "true")["sessionID"]
    call(wire, stream, "switchState", session, "data")
    portfolio = read(wire, stream, "getUserPortfolio", session, username)
    print(f"cash {decimal.Decimal(portfolio['cash']) / 1000000:f}")
    for position in portfolio["positions"]:
        print(f"{position['symbol']} {decimal.Decimal(position['quantity']) / 1000000:f}")

if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, LookupError) as error:
        sys.exit(f"portfolio: {error}")
