"""Opens a TAP interface and carries its frames over stdin and stdout, each behind its length in two bytes (big endian).

    ip netns exec NAMESPACE python3 tap_relay.py INTERFACE

Writes one line to stderr when the interface is there. Ends, and takes the interface with it, when stdin ends.
"""
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
FRAMES_AT_ONCE = 64
LONGEST_FRAME = 65_600
READ_BYTES = 1 << 18


def open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def read_frames(tap: int) -> list[bytes]:
    """What waits on the interface, up to a batch, with lengths in between."""
    parts: list[bytes] = []
    try:
        for _ in range(FRAMES_AT_ONCE):
            frame = os.read(tap, LONGEST_FRAME)
            parts.append(len(frame).to_bytes(2, "big"))
            parts.append(frame)
    except BlockingIOError:
        pass
    except OSError:
        # The interface is down: nothing can be read until it comes up.
        pass
    return parts


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view) > 0:
        view = view[os.write(fd, view) :]


def write_frames(tap: int, data: bytes) -> bytes:
    """Hands whole frames to the interface; returns what is left of the last one."""
    at = 0
    view = memoryview(data)
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(view[at : at + 2], "big")
        if end > len(data):
            break
        try:
            os.write(tap, view[at + 2 : end])
        except OSError:
            pass  # Down, or full: a frame is lost, as on any link.
        at = end
    return data[at:]


def main() -> None:
    tap = open_tap(sys.argv[1])
    print("ready", file=sys.stderr, flush=True)
    poll = select.epoll()
    poll.register(tap, select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    rest = b""
    while True:
        for fd, _ in poll.poll():
            if fd == tap:
                parts = read_frames(tap)
                if parts:
                    write_all(1, b"".join(parts))
            else:
                data = os.read(0, READ_BYTES)
                if not data:
                    return
                rest = write_frames(tap, rest + data if rest else data)


try:
    main()
except (BrokenPipeError, KeyboardInterrupt):
    pass
