"""chat/owners.py: which process makes a reply, and whether it is still there."""

import os
import subprocess
import sys

from chat import owners

_TELL = "from chat import owners; print(owners.this_process(), flush=True); input()"


def test_this_process_is_not_dead() -> None:
    assert not owners.is_dead(owners.this_process())


def test_a_process_of_this_machine_is_dead_once_it_has_ended() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        owner = other.stdout.readline().strip()
        assert not owners.is_dead(owner)
        other.kill()
        other.wait()
    assert owners.is_dead(owner)


def test_a_process_that_was_killed_and_not_yet_buried_is_dead() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        owner = other.stdout.readline().strip()
        other.kill()
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert owners.is_dead(owner)


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    machine, pid, started = owners.this_process().rsplit(":", 2)
    assert owners.is_dead(f"{machine}:{pid}:{int(started) + 1}")


def test_of_another_machine_nothing_is_known() -> None:
    _, pid, started = owners.this_process().rsplit(":", 2)
    assert not owners.is_dead(f"elsewhere/pid:[1]:{pid}:{int(started) + 1}")


def test_what_is_no_owner_is_nobody_dead() -> None:
    for nonsense in (None, "", "x", "::", "a:b:c", f"{owners.this_process().rsplit(':', 2)[0]}:1:0"):
        assert not owners.is_dead(nonsense)
