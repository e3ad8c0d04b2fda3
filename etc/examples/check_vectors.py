#!/usr/bin/env python3
"""Checks what client.py and portfolio.py write and read with the description's test vectors."""
import hashlib, io, json, unicodedata
from client import JSON, encode, receive
from portfolio import decode

def texts(value):
    if isinstance(value, dict):
        return {name: texts(item) for name, item in value.items()}
    return [texts(item) for item in value] if isinstance(value, list) else str(value)

wire = json.loads(JSON.read_text(encoding="utf-8"))
rows = {row["number"]: row for row in wire["instructions"]}
for vector in wire["vectors"]["frames"]:
    head, data = receive(wire["header"], io.BytesIO(bytes.fromhex(vector["hex"])))
    assert head["instruction"] == vector["number"], vector
    assert data == (vector.get("arguments") or bytes.fromhex(vector.get("data", ""))), vector
    if rows[vector["number"]]["direction"] == "request":
        frame = encode(wire, rows[vector["number"]], vector["arguments"])
        assert frame.hex() == vector["hex"], vector
for vector in wire["vectors"]["payloads"]:
    data = io.BytesIO(bytes.fromhex(vector["hex"]))
    value = decode(wire, {"layout": vector["layout"]}, data, {})
    assert texts(value) == texts(vector["value"]) and not data.read(), vector
for vector in wire["vectors"]["hashedPass"]:
    salt = wire["hashedPass"]["salt"] + vector["username"].lower()
    normal = unicodedata.normalize(wire["hashedPass"]["normalization"], vector["password"])
    key = hashlib.pbkdf2_hmac("sha256", normal.encode(), salt.encode(),
                              wire["hashedPass"]["rounds"])
    assert key.hex() == vector["hashedPass"], vector
print(", ".join(f"{len(vectors)} of {kind}" for kind, vectors in wire["vectors"].items()))
