"""Which process makes a reply, and whether that process is still there.

An owner is `<machine>:<process id>:<start>`. On its own machine a dead process is known at once; of another machine's
nothing is known, and the lease in the database decides.
"""

import functools
import os
from pathlib import Path

_PROC = Path("/proc")


@functools.cache
def this_process() -> str:
    """The owner of the replies made here."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid()) or '0'}"


def is_dead(owner: str | None) -> bool:
    """Whether it is certain that the process is gone; False where it cannot be told."""
    machine, pid, started = [*(owner or "").rsplit(":", 2), "", ""][:3]
    if machine != _machine() or not pid.isdecimal() or started == "0":
        return False
    return _started(int(pid)) != started


@functools.cache
def _machine() -> str:
    """The running kernel and the space in which process ids count: a container has one of its own."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return f"unknown/{os.urandom(8).hex()}"


def _started(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (proc(5), stat, field 22); None when there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The command's name, in parentheses, may hold blanks and parentheses of its own.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
