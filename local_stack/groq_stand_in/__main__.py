"""`python -m local_stack.groq_stand_in [--port N] [--scripts]`.

Prints `{"listening": port}` when it can be reached, and ends on SIGTERM or SIGINT.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from dataclasses import replace

from .server import serve
from .settings import Settings, SettingsError, from_environment


def main() -> None:
    """Run until a signal comes; exit with a sentence when the start fails."""
    arguments = _arguments()
    try:
        settings = from_environment(os.environ)
        if arguments.scripts:
            settings = replace(settings, scripts=True)
        asyncio.run(_run(settings, arguments.port))
    except (SettingsError, OSError) as error:
        sys.exit(f"The stand-in for Groq did not start: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A stand-in for Groq on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--scripts", action="store_true", help="obey scripts in messages (tests)")
    return parser.parse_args()


async def _run(settings: Settings, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings, port) as stand_in:
        print(json.dumps({"listening": stand_in.port}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
