"""nginx with the files of `deploy/`: what differs from one installation to the next is written anew, nothing else."""

import os
from collections.abc import Sequence
from pathlib import Path

from local_stack.part import program
from local_stack.processes import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
# Everybody shares one address here, so that nobody is ever over what one address may ask.
UNLIMITED = """\
limit_req_zone $binary_remote_addr zone=requests:10m rate=100000r/s;
limit_req zone=requests burst=10000 nodelay;
limit_conn_zone $binary_remote_addr zone=connections:10m;
limit_conn connections 10000;
limit_req_status 429;
limit_conn_status 429;
"""


def command(folder: Path) -> list[str]:
    """Runs nginx with what `write_configuration` put into the folder."""
    # Its workers would become `nobody`, who may not pass through the folders of whoever runs this.
    user = " user root;" if os.geteuid() == 0 else ""
    return [program("nginx", "nginx-light"), "-c", str(folder / "nginx.conf"), "-g", f"daemon off;{user}"]


def write_configuration(folder: Path, *, listen: str, ports: Sequence[int], limits: str = UNLIMITED) -> None:
    """deploy/nginx.conf and its parts, for instances at these ports of loopback; `listen` replaces listen.conf."""
    own = {
        "upstream.conf": "".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;\n" for port in ports),
        "listen.conf": listen,
        "limits.conf": limits,
    }
    parts = folder / "nginx"
    parts.mkdir(parents=True, exist_ok=True)
    for source in (DEPLOY / "nginx").glob("*.conf"):
        (parts / source.name).write_text(own.get(source.name) or source.read_text())
    main = (DEPLOY / "nginx.conf").read_text()
    (folder / "nginx.conf").write_text(main.replace("/tmp/", f"{folder}/"))  # noqa: S108  # of a container
