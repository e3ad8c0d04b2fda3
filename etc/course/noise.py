"""What a library would give: the Noise handshake of the link, and ChaCha20-Poly1305.

Python's standard library has neither, so they stand here, apart from the reference solution: X25519
(RFC 7748), ChaCha20-Poly1305 (RFC 8439), and of Noise (revision 34) what the worker's side of
Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s needs. Slow, and not in constant time: good for a course.
"""
import hashlib, hmac, secrets, struct

PRIME, MASK = 2**255 - 19, 2**32 - 1
BASE = (9).to_bytes(32, "little")
ROUNDS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
          (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def x25519(secret, point):
    scalar = int.from_bytes(secret, "little") & (2**255 - 8) | 2**254
    base = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, base, 1
    for bit in range(254, -1, -1):
        if swap := scalar >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, da, cb = x2 + z2, x2 - z2, (x3 - z3) * (x2 + z2), (x3 + z3) * (x2 - z2)
        x3, z3 = (da + cb) ** 2 % PRIME, base * (da - cb) ** 2 % PRIME
        x2, z2 = (a * b) ** 2 % PRIME, (a * a - b * b) * (a * a + 121_665 * (a * a - b * b)) % PRIME
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little")


def chacha20(key, counter, nonce, data):
    out = []
    for at in range(0, len(data), 64):
        start = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key),
                 counter + at // 64, *struct.unpack("<3I", nonce)]
        words = start[:]
        for a, b, c, d in ROUNDS * 10:
            for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                words[x] = words[x] + words[y] & MASK
                mixed = words[z] ^ words[x]
                words[z] = (mixed << turn | mixed >> 32 - turn) & MASK
        stream = struct.pack("<16I", *(word + old & MASK for word, old in zip(words, start)))
        out.extend(byte ^ other for byte, other in zip(data[at:at + 64], stream))
    return bytes(out)


def poly1305(key, data):
    factor = int.from_bytes(key[:16], "little") & 0x0FFFFFFC_0FFFFFFC_0FFFFFFC_0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total += int.from_bytes(data[at:at + 16] + b"\1", "little")
        total = total * factor % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & 2**128 - 1).to_bytes(16, "little")


class Cipher:
    """One direction of a session: the nonce of a message is its number."""

    def __init__(self, key):
        self.key, self.number = key, 0

    def next_nonce(self):
        self.number += 1
        return bytes(4) + struct.pack("<Q", self.number - 1)

    def seal(self, plain, extra=b""):
        nonce = self.next_nonce()
        data = chacha20(self.key, 1, nonce, plain)
        return data + self.tag(nonce, data, extra)

    def open(self, sealed, extra=b""):
        nonce, data = self.next_nonce(), sealed[:-16]
        if not hmac.compare_digest(sealed[-16:], self.tag(nonce, data, extra)):
            raise ConnectionError("a sealed message is forged")
        return chacha20(self.key, 1, nonce, data)

    def tag(self, nonce, data, extra):
        padded = b"".join(part + bytes(-len(part) % 16) for part in (extra, data))
        return poly1305(chacha20(self.key, 0, nonce, bytes(32)),
                        padded + struct.pack("<QQ", len(extra), len(data)))

    def rekey(self):
        self.key = chacha20(self.key, 1, bytes(4) + b"\xff" * 8, bytes(32))


def derive(chain, secret, count):
    """Noise's HKDF."""
    key, keys = hmac.digest(chain, secret, hashlib.blake2s), [b""]
    for number in range(1, count + 1):
        keys.append(hmac.digest(key, keys[-1] + bytes([number]), hashlib.blake2s))
    return keys[1:]


def respond(shared, prologue, first, secret=None):
    """Answers the first message of a Noise handshake: the second message, and the ciphers of what
    the initiator and the responder send."""
    def mix(data):
        return hashlib.blake2s(state + data).digest()

    state = chain = hashlib.blake2s(b"Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s").digest()
    state, secret = mix(prologue), secret or secrets.token_bytes(32)
    chain, extra, _ = derive(chain, shared, 3)
    state, theirs, ours = mix(extra), first[:32], x25519(secret, BASE)
    state = mix(theirs)
    chain, key = derive(chain, theirs, 2)
    Cipher(key).open(first[32:], state)
    state = mix(first[32:])
    state = mix(ours)
    chain, _ = derive(chain, ours, 2)
    chain, key = derive(chain, x25519(secret, theirs), 2)
    tag = Cipher(key).seal(b"", state)
    return (ours + tag, *map(Cipher, derive(chain, b"", 2)))
