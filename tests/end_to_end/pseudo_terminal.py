"""A terminal for tests: a pseudo-terminal of a given width with a program in its foreground, and what a person would see
on it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


def _take_terminal():
    fcntl.ioctl(2, termios.TIOCSCTTY, 0)


class PseudoTerminal:
    """Runs a program whose three streams are the terminal. Close it at the end."""

    def __init__(self, command, columns=80, **options):
        self.master, slave = pty.openpty()
        self.text = ""
        self.resize(columns)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=_take_terminal, **options)
        os.close(slave)

    def resize(self, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read(self, seconds):
        """What comes within the time, at the end of the program's output or earlier; False at that end."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:  # how Linux tells that nobody has the other side any more
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, pattern, seconds=30, after=0):
        """Until the output from `after` on holds the pattern; returns the match."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(pattern, self.text[after:]):
                return found
            if not self.read(0.1):
                break
        raise AssertionError(f"{pattern!r} did not come:\n{self.text[after:]!r}")

    def wait(self, seconds=60):
        """Reads to the end and returns the exit code."""
        until = time.monotonic() + seconds
        while self.read(0.1):
            if time.monotonic() > until:
                raise AssertionError(f"no end after {seconds} s:\n{self.text!r}")
        return self.process.wait(timeout=seconds)

    def hang_up(self):
        """As when somebody closes the window."""
        os.close(self.master)
        self.master = None

    def close(self):
        self.process.kill()
        self.process.wait()
        if self.master is not None:
            self.hang_up()


def screen(text):
    """The lines that stand on a terminal without a right margin after the text was sent to it."""
    lines, column = [""], 0
    for part in re.findall(r"\x1b\[[\d;]*[A-Za-z]|[\s\S]", text):
        if part == "\n":
            lines.append("")
            column = 0
        elif part == "\r":
            column = 0
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        elif part.startswith("\x1b"):
            assert part.endswith("m"), f"an escape sequence that was not expected: {part!r}"
        else:
            lines[-1] = lines[-1][:column] + part + lines[-1][column + 1:]
            column += 1
    return lines
