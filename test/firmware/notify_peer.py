"""What systemd is to a service of Type=notify, as far as it is seen from the service: listens on NOTIFY_SOCKET and prints
each message as a line. notify_peer.py PATH; ends when its standard input does."""

import os
import select
import socket
import sys

notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(sys.argv[1])
print("bound", flush=True)
while True:
    readable, _, _ = select.select([notify, sys.stdin], [], [])
    if sys.stdin in readable and not os.read(0, 100):
        break
    if notify in readable:
        print(notify.recv(4096).decode(), flush=True)
