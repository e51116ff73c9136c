"""What a process and all its descendants use, as the kernel counts it: time of the processor, and memory."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stat:
    """What we read of /proc/<pid>/stat (proc(5)). `ticks` counts the process and those children that it outlived."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """The program's name stands in parentheses and may hold anything, further parentheses included."""
    before, _, after = text.rpartition(")")
    fields = after.split()
    # utime, stime, cutime, cstime: fields 14 to 17, of which the first two are cut off here.
    return Stat(int(before.partition(" ")[0]), int(fields[1]), sum(int(field) for field in fields[11:15]))


def parse_smaps_rollup(text: str) -> int:
    """The proportional set size in bytes: what is shared counts in equal parts for each who shares it."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("There is no Pss in it.")


def tree(root: int) -> list[Stat]:
    """A process and its descendants, as they are now; nothing when it has ended."""
    found = {stat.pid: stat for stat in _all_processes()}
    members = {root} & found.keys()
    while grown := {pid for pid, stat in found.items() if stat.parent in members} - members:
        members |= grown
    return [found[pid] for pid in members]


def cpu_seconds(root: int) -> float:
    """Time of the processor that the process and its descendants, ended ones included, have used."""
    return sum(stat.ticks for stat in tree(root)) / _TICKS


def memory_bytes(root: int) -> int:
    """The proportional set size of the process and its descendants."""
    total = 0
    for stat in tree(root):
        # One that ends while it is looked at has no memory any more.
        with suppress(OSError, ValueError):
            total += parse_smaps_rollup(Path(f"/proc/{stat.pid}/smaps_rollup").read_text())
    return total


def pin(root: int, cores: set[int]) -> None:
    """Keep the process, its descendants and all their threads on these cores."""
    for stat in tree(root):
        for thread in Path(f"/proc/{stat.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def _all_processes() -> list[Stat]:
    stats = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stats.append(parse_stat((folder / "stat").read_text()))
            except OSError:  # it has ended since it was listed
                continue
    return stats
