"""How does a process give up the network, for good and with all that it starts, without any right of its own?

A filter of system calls (``seccomp(2)``), which any process of Linux may put on itself: sockets but those to other
processes of the machine can't be made any more, nor can ``io_uring``, which makes them in another way.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER = 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13
"""``_REFUSE``: the call fails with EACCES."""
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""
_UNIX = 1
_IO_URING_SETUP = 425
_OTHER_NUMBERS = 0x40000000
"""From here on x86-64 has its calls a second time, under other numbers (x32)."""
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""What the kernel calls it, and the number of ``socket``."""


class NetworkStays(Exception):
    """The network can't be given up here; the message ends a sentence."""


def give_up_network() -> None:
    """Make no socket to anywhere but this machine's own processes from now on. Nothing where there is no Linux.

    Raises ``NetworkStays``.
    """
    if sys.platform != "linux":
        return
    machine = platform.machine()
    if machine not in _MACHINES:
        raise NetworkStays(f"it can't be cut off from the network on {machine}")
    steps = _steps(*_MACHINES[machine])
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HL", len(steps), ctypes.addressof(code)))
    library = ctypes.CDLL(None, use_errno=True)
    _set(library, _PR_SET_NO_NEW_PRIVS, 1, 0)
    _set(library, _PR_SET_SECCOMP, _FILTER, ctypes.addressof(program))


def _steps(arch: int, socket: int) -> list[tuple[int, int, int, int]]:
    """The filter: code, how many steps to skip where it is so and where not, value."""
    return [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 0, 7, arch),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 5, 0, _OTHER_NUMBERS),
        (_EQUAL, 4, 0, _IO_URING_SETUP),
        (_EQUAL, 0, 2, socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, _UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _set(library: ctypes.CDLL, option: int, value: int, further: int) -> None:
    arguments = (ctypes.c_ulong(number) for number in (value, further, 0, 0))
    if library.prctl(option, *arguments) != 0:
        raise NetworkStays(f"it can't be cut off from the network ({os.strerror(ctypes.get_errno())})")
