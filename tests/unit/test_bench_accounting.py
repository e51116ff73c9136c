import os
import subprocess
import sys

import pytest

from bench.accounting import Stat, cpu_seconds, memory_bytes, parse_smaps_rollup, parse_stat, tree

AFTER_THE_NAME = "S 7 42 42 0 -1 4194560 900 80 0 0 250 50 30 5 20 0 4 0 100 200000 300"
SMAPS_ROLLUP = """55d0c0a00000-7ffd1b9fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               41236 kB
Pss:               30500 kB
Pss_Dirty:         20000 kB
"""


@pytest.mark.parametrize("name", ["python", "a name", ") S 9 (", "((x))"])
def test_what_a_process_is_called_does_not_matter(name: str) -> None:
    assert parse_stat(f"42 ({name}) {AFTER_THE_NAME}") == Stat(pid=42, parent=7, ticks=335)


def test_the_proportional_set_size_is_read_in_bytes() -> None:
    assert parse_smaps_rollup(SMAPS_ROLLUP) == 30500 * 1024


def test_memory_without_a_proportional_set_size_is_not_nothing() -> None:
    with pytest.raises(ValueError, match="Pss"):
        parse_smaps_rollup("Rss: 41236 kB\n")


def test_a_tree_has_the_descendants_and_what_they_used() -> None:
    busy = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
    child = f"{busy}print('done', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        members = tree(process.pid)
        assert {member.parent for member in members} == {os.getpid(), process.pid}
        # The clock of the accounting ticks a hundred times a second.
        assert cpu_seconds(process.pid) >= 0.15
        assert memory_bytes(process.pid) > 1_000_000
        process.communicate(b"\n")


def test_what_has_ended_used_nothing_more() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert tree(process.pid) == []
