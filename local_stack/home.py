"""The folder in which one local stack keeps everything: SAFYCORE_HOME."""

import fcntl
from pathlib import Path
from typing import IO

from local_stack.processes import StackError


def take_home(home: Path) -> IO[str]:
    """Create the folder, closed to other people, and hold it until the result is closed.

    StackError when it stands open to others or another stack holds it. The kernel releases the
    lock of a process that is killed.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Refused rather than mended: it may be a folder that is meant to be shared, such as /tmp.
    if home.stat().st_mode & 0o077:
        raise StackError(f"{home} is open to other people; close it with: chmod 700 {home}")
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StackError(f"SafyCore already runs on {home}; stop it, or set SAFYCORE_HOME to another folder.") from None
    for folder in ("logs", "mails"):
        (home / folder).mkdir(mode=0o700, exist_ok=True)
    return lock
