#!/usr/bin/env python3
"""A crowd that idles: idle.py COUNT [--tls].

Keeps COUNT connections to the worker of this machine, as far as it lets them in: nine of ten have
asked for a pong, the others never say a byte. One that is closed comes again a second later. Prints
"open N" after the first round, and a line again whenever a line is read.
"""
import resource, socket, ssl, sys, threading, time

ADDRESS = ("127.0.0.1", 2049)
# What a client asks for a pong: the header alone.
PING = bytes.fromhex("04 0401 00000000 0000 00000001 00000001")
AGAIN_S = 1.0


def connection(number, context):
    try:
        made = socket.create_connection(ADDRESS, 30)
        if number % 10:
            if context:
                made = context.wrap_socket(made)
            made.sendall(PING)
            if not made.recv(64):
                made.close()
                return None
        made.setblocking(False)
        return made
    except OSError:
        return None


def is_over(held):
    """Whether the worker has ended it. What it says on one that is full, it says before."""
    try:
        return not held.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def main():
    count = int(sys.argv[1])
    context = None
    if "--tls" in sys.argv:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    limit = count + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    held = {number: connection(number, context) for number in range(count)}
    print(f"open {sum(each is not None for each in held.values())}", flush=True)
    lock = threading.Lock()

    def tell():
        for _ in sys.stdin:
            with lock:
                print(f"open {sum(each is not None for each in held.values())}", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    while True:
        for number, each in list(held.items()):
            if each is None:
                held[number] = connection(number, context)
            elif is_over(each):
                each.close()
                with lock:
                    held[number] = None
        time.sleep(AGAIN_S)


if __name__ == "__main__":
    main()
