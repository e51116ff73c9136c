"""Who PostgreSQL runs as. It refuses root, so for root a user id without rights is found."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from local_stack.processes import StackError

# Bits of CapEff in /proc/self/status, from linux/capability.h.
CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, SETGID, SETUID, SETPCAP = 0, 1, 2, 6, 7, 8
NOBODY = 65534


@dataclass(frozen=True)
class Account:
    """`privileges` are setpriv options; empty for an ordinary user, who runs it as themselves."""

    uid: int
    gid: int
    privileges: tuple[str, ...]


def postgres_account(data: Path, executable: Path) -> Account:
    """The account for the cluster in `data`; StackError when root may not lend what it takes."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), ())
    uid, gid = _unprivileged_owner(data)
    capability = _capability_to_lend(executable)
    # Our home is closed to everybody else, and so may be the folders above it. Opening them would
    # expose what else lies there; one capability lets this process alone pass through.
    identity = (f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    lent = (f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}")
    # access(2), with which initdb looks for its programs, disregards capabilities without this.
    return Account(uid, gid, ("--securebits=+no_setuid_fixup", *identity, *lent))


def _unprivileged_owner(data: Path) -> tuple[int, int]:
    for path in (data, data.parent.parent):
        if path.exists() and (owner := path.stat()).st_uid != 0:
            return owner.st_uid, owner.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return nobody.pw_uid, nobody.pw_gid


def _capability_to_lend(executable: Path) -> str:
    held = _effective_capabilities()
    # Reading and searching is enough, unless a strict umask at installation has left the binary
    # executable for root only.
    if executable.stat().st_mode & stat.S_IXOTH and DAC_READ_SEARCH in held:
        enough = "dac_read_search"
    else:
        enough = "dac_override"
    if not {CHOWN, SETGID, SETUID, SETPCAP} <= held or not {DAC_READ_SEARCH, DAC_OVERRIDE} & held:
        raise StackError(
            "PostgreSQL refuses to run as root, and this root lacks the capabilities to start it "
            "as somebody else (chown, setuid, setgid, setpcap, and dac_read_search or dac_override): run "
            "this as an ordinary user."
        )
    return enough


def _effective_capabilities() -> set[int]:
    status = Path("/proc/self/status")
    if not status.exists():
        raise StackError("PostgreSQL refuses to run as root: run this as an ordinary user.")
    line = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    mask = int(line.split()[1], 16)
    return {bit for bit in range(64) if mask >> bit & 1}
