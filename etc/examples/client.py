#!/usr/bin/env python3
"""usage: client.py HOST:PORT USERNAME PASSWORD SYMBOL QUANTITY [papertrader.json]"""
import hashlib, json, pathlib, re, secrets, socket, sys, unicodedata
JSON = pathlib.Path(__file__).resolve().parents[2] / "spec/wire/papertrader.json"

def encode(wire, row, texts):
    for argument, text in zip(row["arguments"], texts):
        form = wire["argumentTypes"][argument["type"]]
        if not re.fullmatch(form["pattern"], text):
            raise ValueError(f"{argument['name']} {text!r} is wrong; it must be {form['about']}")
    data = wire["header"]["separator"].join(texts).encode()
    head = {"messageType": row["number"] >> 8, "instruction": row["number"], "dataSize": len(data),
            "argumentCount": len(texts), "dataMessageNumber": 1, "dataMessageMax": 1}
    fields = wire["header"]["fields"]
    return b"".join(head[f["name"]].to_bytes(f["bytes"], "big") for f in fields) + data

def receive(header, stream):
    head = {f["name"]: int.from_bytes(stream.read(f["bytes"]), "big") for f in header["fields"]}
    data, count = stream.read(min(head["dataSize"], header["dataMax"])), head["argumentCount"]
    if not head["messageType"] or len(data) < head["dataSize"]:
        raise ValueError("the connection ended, or a message is larger than it may be")
    return head, data.decode().split(header["separator"], count - 1) if count else data

def call(wire, stream, name, *texts, allow=None):
    row = next(r for r in wire["instructions"] if r["name"] == name and len(texts) in range(
        sum("optional" not in a for a in r["arguments"]), len(r["arguments"]) + 1))
    stream.write(encode(wire, row, texts))
    stream.flush()
    names = {row["number"]: row["name"] for row in wire["instructions"]}
    answers = {answer["name"]: answer for answer in row["answers"]}
    control = next(kind["number"] for kind in wire["messageTypes"] if kind["name"] == "control")
    while True:
        head, texts = receive(wire["header"], stream)
        name = names.get(head["instruction"], "unknown message")
        if (hit := answers.get(name)) and (hit["outcome"] == "success" or texts[:1] == [allow]):
            return dict(zip([argument["name"] for argument in hit["arguments"]], texts))
        said = " ".join([name, *[ascii(text)[1:-1] for text in texts]])
        if hit or name == "protocolError" or head["messageType"] != control:
            raise ValueError(said)
        print(said)

def main(address, username, password, symbol, quantity, path=JSON):
    wire = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    salt = (wire["hashedPass"]["salt"] + username.lower()).encode()
    password = unicodedata.normalize("NFC", password).encode()
    key = hashlib.pbkdf2_hmac("sha256", password, salt, wire["hashedPass"]["rounds"]).hex()
    host, _, port = address.rpartition(":")
    stream = socket.create_connection((host.strip("[]"), port), timeout=600).makefile("rwb")
    call(wire, stream, "register", username, username + "@example.org", key, allow="username-taken")
    session = call(wire, stream, "login", username, key, "true")["sessionID"]
    fill = call(wire, stream, "purchaseAsset", session, symbol, quantity, secrets.token_hex(8))
    print("bought {quantity} {asset} at {price}, {total} in all".format(**fill))

if __name__ == "__main__":
    if len(sys.argv) not in (6, 7):
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, LookupError) as error:
        sys.exit(f"client: {error}")
