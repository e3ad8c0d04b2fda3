#!/usr/bin/env python3
"""Opens COUNT connections to the worker of this machine, says nothing on them, and keeps them: idle.py COUNT."""
import resource, socket, sys, threading

count = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
held, refused = [], 0
for _ in range(count):
    try:
        held.append(socket.create_connection(("127.0.0.1", 2049), 30))
    except OSError:
        refused += 1
print(f"open {len(held)}, refused {refused}", flush=True)
threading.Event().wait()
