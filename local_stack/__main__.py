"""`python -m local_stack up | cluster | manage | install-node | npm | mailbox`."""

import argparse
import asyncio
import sys
from pathlib import Path

from local_stack import mailbox, node
from local_stack.processes import StackError
from local_stack.up import cluster, manage_running, up


def main() -> int:
    """Run the command of the command line; the exit code."""
    arguments = _arguments()
    if arguments.command == "up":
        return up()
    if arguments.command == "cluster":
        return cluster(instances=arguments.instances, workers=arguments.workers, kill_every=arguments.kill_every)
    if arguments.command == "manage":
        return manage_running(arguments.arguments)
    if arguments.command == "mailbox":
        asyncio.run(mailbox.serve(arguments.dir, port=arguments.port))
        return 0
    return _npm(arguments)


def _npm(arguments: argparse.Namespace) -> int:
    try:
        if arguments.command == "npm":
            return node.npm(arguments.package, *arguments.arguments).returncode
        node.install(arguments.package)
    except StackError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_stack", description="SafyCore's embedded default.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything; Ctrl-C stops it")
    several = commands.add_parser("cluster", help="the same with several instances behind nginx")
    several.add_argument("--instances", type=int, default=3)
    several.add_argument("--workers", type=int, default=1, help="processes of each instance")
    several.add_argument("--kill-every", type=float, default=0, metavar="SECONDS", help="kill one in turn; 0: none")
    manage = commands.add_parser("manage", help="run manage.py beside a running `up`, with its environment")
    manage.add_argument("arguments", nargs=argparse.REMAINDER, help="manage.py's own")
    install = commands.add_parser("install-node", help="install what a package-lock.json names")
    install.add_argument("--package", type=Path, default=node.PACKAGE, help="its folder; by default the local Supabase")
    npm = commands.add_parser("npm", help="run npm, with the Node of the local Supabase")
    npm.add_argument("--package", type=Path, required=True, help="the folder to run it in")
    npm.add_argument("arguments", nargs=argparse.REMAINDER, help="npm's own")
    page = commands.add_parser("mailbox", help="show caught mails on a page")
    page.add_argument("--port", type=int, required=True, help="0 takes a free one")
    page.add_argument("--dir", type=Path, required=True, help="where the mails lie")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
