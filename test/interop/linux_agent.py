"""Makes socket calls inside a network namespace for a test that runs outside of it.

    ip netns exec NAMESPACE python3 linux_agent.py

A request is a line of JSON on stdin, {"id", "do", "with": [...]}, and is answered by a line on stdout, {"id", "value"} or
{"id", "errno"}. Each runs in a thread of its own, so that calls may wait. Sockets are passed as numbers, bytes as
{"base64"}, constants of Python's socket module as {"constant"}.
"""
import base64
import errno
import hashlib
import json
import os
import random
import socket
import struct
import sys
import threading
import time

sockets: dict[int, socket.socket] = {}
lock = threading.Lock()
# A length without small factors: bytes that end up a ring's size too far are noticed.
BLOCK = random.Random(1).randbytes(1_000_003)
DOUBLE = memoryview(BLOCK + BLOCK)
PIECE = 1 << 18


def keep(sock: socket.socket) -> int:
    with lock:
        sockets[sock.fileno()] = sock
    return sock.fileno()


def open_socket(kind: str) -> int:
    types = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "icmp": (socket.SOCK_RAW, socket.IPPROTO_ICMP)}
    sock = socket.socket(socket.AF_INET, *types[kind])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.settimeout(None)
    return keep(sock)


def open_raw(protocol: int) -> int:
    return keep(socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol))


def close(handle: int) -> None:
    with lock:
        sock = sockets.pop(handle)
    sock.close()


def accept(handle: int) -> int:
    return keep(sockets[handle].accept()[0])


def call(handle: int, method: str, *arguments):
    return getattr(sockets[handle], method)(*arguments)


def source(handle: int, count: int) -> str:
    """Sends `count` bytes of the pattern; their SHA-256."""
    sock, digest, sent = sockets[handle], hashlib.sha256(), 0
    while sent < count:
        start = sent % len(BLOCK)
        piece = DOUBLE[start : start + min(PIECE, count - sent)]
        sock.sendall(piece)
        digest.update(piece)
        sent += len(piece)
    return digest.hexdigest()


def sink(handle: int, pause_bytes: int = 0, pause_seconds: float = 0.0) -> dict:
    """Reads to the end, resting after every `pause_bytes`: how many bytes came, and their SHA-256."""
    sock, digest, count, rested = sockets[handle], hashlib.sha256(), 0, 0
    block = bytearray(PIECE)
    view = memoryview(block)
    while True:
        got = sock.recv_into(block)
        if got == 0:
            return {"bytes": count, "sha256": digest.hexdigest()}
        digest.update(view[:got])
        count += got
        if pause_bytes > 0 and count - rested >= pause_bytes:
            rested = count
            time.sleep(pause_seconds)


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(address: str, count: int, size: int) -> int:
    """Asks for echoes; how many came back with the data they were sent with."""
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(2)
        sock.connect((address, 0))
        for sequence in range(1, count + 1):
            data = struct.pack("!HH", os.getpid() & 0xFFFF, sequence) + BLOCK[:size]
            echo = b"\x08\0" + checksum(b"\x08\0\0\0" + data).to_bytes(2, "big") + data
            sock.send(echo)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                packet = sock.recv(65_535)
                if packet[20:22] == b"\0\0" and packet[24:] == data and checksum(packet[20:]) == 0:
                    answered += 1
                    break
    return answered


def flood(address: str, port: int, count: int) -> None:
    """SYNs from addresses that will never answer."""
    target = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for k in range(count):
            origin = struct.pack("!BBH", 172, 16, k & 0xFFFF)
            tcp = struct.pack("!HHIIBBHHH", 1024 + k % 60_000, port, k * 7919, 0, 0x60, 2, 65_535, 0, 0) + b"\x02\x04\x05\xb4"
            pseudo = origin + target + struct.pack("!HH", 6, len(tcp))
            tcp = tcp[:16] + checksum(pseudo + tcp).to_bytes(2, "big") + tcp[18:]
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), k & 0xFFFF, 0, 64, 6, 0, origin, target)
            sock.sendto(header + tcp, (address, 0))


def write_file(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


ACTIONS = {
    "open": open_socket, "openRaw": open_raw, "close": close, "accept": accept, "call": call, "source": source, "sink": sink, "ping": ping,
    "flood": flood, "writeFile": write_file,
}


def decode(value):
    if isinstance(value, dict):
        if "base64" in value:
            return base64.b64decode(value["base64"])
        return getattr(socket, value["constant"])
    return tuple(map(decode, value)) if isinstance(value, list) else value


def encode(value):
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    return list(map(encode, value)) if isinstance(value, (list, tuple)) else value


def answer(request: dict) -> None:
    reply = {"id": request["id"]}
    try:
        reply["value"] = encode(ACTIONS[request["do"]](*map(decode, request["with"])))
    except OSError as error:
        reply["errno"] = errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:  # noqa: BLE001: told to the test, which fails
        reply["errno"] = repr(error)
    line = json.dumps(reply) + "\n"
    with lock:
        sys.stdout.write(line)
        sys.stdout.flush()


for text in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(text),), daemon=True).start()
