"""Runs a command on a pseudo terminal of its own and does what a list of steps says, as a user at a keyboard would.

    terminal-driver.py STEPS COMMAND [ARGUMENT...]

STEPS is JSON: ["wait", TEXT], ["type", TEXT], ["size", ROWS, COLUMNS], ["modes"], ["kill", SIGNAL], ["hangup"],
["raw"], which waits until somebody has switched the editing of lines off.
Prints JSON: the output, what each "modes" found, the modes at the end, and the exit status as wait(2) has it.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_SECONDS = 60


def set_size(descriptor, rows, columns):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def modes(descriptor):
    flags = termios.tcgetattr(descriptor)[3]
    return {"canonical": bool(flags & termios.ICANON), "echo": bool(flags & termios.ECHO)}


class Session:
    def __init__(self, command):
        self.output = b""
        self.seen = 0
        self.found = []
        self.missing = None
        self.child, self.master = pty.fork()
        if self.child == 0:
            set_size(0, 24, 80)
            os.execvp(command[0], command)

    def pump(self, seconds):
        """Reads what there is, waiting that long for more; false at the end."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += data
        return data != b""

    def wait(self, text):
        wanted = text.encode()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (at := self.output.find(wanted, self.seen)) < 0:
            if time.monotonic() > deadline or not self.pump(0.1):
                at = self.output.find(wanted, self.seen)
                if at >= 0:
                    break
                self.missing = text
                return False
        self.seen = at + len(wanted)
        return True

    def step(self, name, *values):
        if name == "wait":
            return self.wait(values[0])
        if name == "type":
            os.write(self.master, values[0].encode())
        elif name == "size":
            set_size(self.master, *values)
        elif name == "modes":
            self.found.append(modes(self.master))
        elif name == "kill":
            os.kill(self.child, getattr(signal, values[0]))
        elif name == "raw":
            deadline = time.monotonic() + PATIENCE_SECONDS
            while modes(self.master)["canonical"]:
                if time.monotonic() > deadline or not self.pump(0.02):
                    self.missing = "raw mode"
                    return False
        elif name == "hangup":
            os.close(self.master)
            self.master = -1
        return True

    def end(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.master >= 0:
                self.pump(0.05)
            else:
                time.sleep(0.05)
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child != 0:
                return status
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        return None


session = Session(sys.argv[2:])
for step in json.loads(sys.argv[1]):
    if not session.step(*step):
        os.kill(session.child, signal.SIGTERM)
        break
status = session.end()
result = {
    "output": session.output.decode(errors="replace"),
    "missing": session.missing,
    "modes": session.found,
    "status": status,
    "atEnd": modes(session.master) if session.master >= 0 else None,
}
print(json.dumps(result))
