"""`make up` and `make cluster`: the embedded default and one server, or several behind nginx, until Ctrl-C."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from dotenv import load_dotenv

from local_stack.cluster import Cluster, healthy
from local_stack.processes import CHECKOUT, StackError
from local_stack.running import manage, remembered
from local_stack.stack import Stack

HOST = "127.0.0.1"
WATCH_SECONDS = 0.2
SERVER = ("-m", "safycore_backend.server", "--host", HOST)
# Replies that still flow are interrupted and saved after this time, so that Ctrl-C is never a long wait.
DRAIN_SECONDS = "2"
# No proxy keeps connections to it open.
LINGER_SECONDS = "0"
READY = """
SafyCore is ready:  {site}        (started in {seconds:.1f} s; Ctrl-C stops it)
{mailbox}Logs:               {logs}

Next: open {site} in a browser. README.md has the same for curl.
{model}"""
MAILBOX = "Caught mails:       {url}\n"
DEMO = "Answers are a demo. For a real model put GROQ_API_KEY=... into .env and start again."


def up() -> int:
    """Run everything until a signal comes; the exit code. Prints what the person needs to know."""
    return _until_stopped(_run)


def cluster(*, instances: int, workers: int, kill_every: float) -> int:
    """The same with several instances behind nginx; one of them is killed, and started again, every so many seconds."""

    def run(stack: Stack, port: int) -> None:
        _run_cluster(stack, port, instances=instances, workers=workers, kill_every=kill_every)

    return _until_stopped(run)


def _until_stopped(run: Callable[[Stack, int], None]) -> int:
    _install_signal_handlers()
    load_dotenv(CHECKOUT / ".env")
    try:
        port = _port(os.environ.get("PORT") or "8000")
        run(_stack(port), port)
    except StackError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def manage_running(arguments: list[str]) -> int:
    """`manage.py` beside the running `make up`, with the environment of its server; its exit code."""
    load_dotenv(CHECKOUT / ".env")
    try:
        return manage(_home(), arguments)
    except StackError as exc:
        print(exc, file=sys.stderr)
        return 1


def _run(stack: Stack, port: int) -> None:
    started = time.monotonic()
    try:
        environment = stack.start()
        _start_server(stack, environment, port)
        with remembered(stack.home, environment):
            _say(_welcome(stack, environment, port=port, seconds=time.monotonic() - started))
            _watch(stack)
    except KeyboardInterrupt:
        _say("\nStopping.")
    finally:
        _ignore_signals()
        stack.stop()


def _run_cluster(stack: Stack, port: int, *, instances: int, workers: int, kill_every: float) -> None:
    started = time.monotonic()
    several: Cluster | None = None
    try:
        environment = stack.start()
        several = Cluster(stack.home / "cluster", environment, instances=instances, workers=workers, port=port)
        with stack.step(f"{instances} instances behind nginx"):
            several.start()
        with remembered(stack.home, several.environment):
            _say(_welcome(stack, environment, port=port, seconds=time.monotonic() - started))
            _say("\n".join(f"{part.name:<20}{part.url}" for part in several.instances))
            _watch_cluster(stack, several, kill_every)
    except KeyboardInterrupt:
        _say("\nStopping: the instances first answer what they have begun.")
    finally:
        _ignore_signals()
        if several is not None:
            several.stop()
        stack.stop()


def _watch_cluster(stack: Stack, several: Cluster, kill_every: float) -> NoReturn:
    turn, killed = 0, time.monotonic()
    while True:
        stack.check()
        if kill_every and time.monotonic() - killed >= kill_every:
            several.instances[turn % len(several.instances)].kill()
            turn, killed = turn + 1, time.monotonic()
        for name in several.revive():
            _say(f"{name} ended and is started again.")
        time.sleep(WATCH_SECONDS)


def _start_server(stack: Stack, environment: dict[str, str], port: int) -> None:
    address = ("--port", str(port))
    with stack.step("SafyCore"):
        patience = {"DRAIN_SECONDS": DRAIN_SECONDS, "LINGER_SECONDS": LINGER_SECONDS}
        server = stack.spawn("server", *SERVER, *address, environment={**patience, **environment})
        server.wait_until(lambda: healthy(port), seconds=60)


def _watch(stack: Stack) -> NoReturn:
    while True:
        stack.check()
        time.sleep(WATCH_SECONDS)


def _stack(port: int) -> Stack:
    own_project = bool(os.environ.get("SUPABASE_URL"))
    if own_project and not os.environ.get("SUPABASE_KEY"):
        raise StackError("SUPABASE_URL is set but SUPABASE_KEY is not: set your project's key too.")
    wanted = ("DATABASE_URL", "DJANGO_SECRET_KEY", "SITE_URL", "ALLOWED_HOSTS")
    settings = {name: os.environ[name] for name in wanted if os.environ.get(name)}
    _say("Starting SafyCore:")
    return Stack(
        _home(),
        site_url=settings.get("SITE_URL", f"http://{HOST}:{port}"),
        supabase=not own_project,
        groq=not (os.environ.get("GROQ_API_KEY") or os.environ.get("GROQ_BASE_URL")),
        settings={"ALLOWED_HOSTS": f"{HOST},localhost", **settings},
        report=_say,
    )


def _home() -> Path:
    return Path(os.environ.get("SAFYCORE_HOME") or CHECKOUT / ".safycore").expanduser()


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    port = int(text)
    with socket.socket() as probe:
        # As the server will do: connections that ended a moment ago are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise StackError(f"Port {port} needs root; choose another with: PORT=8000 make up") from None
        except OSError:
            raise StackError(f"Port {port} is taken; choose another with: PORT={port + 1} make up") from None
    return port


def _welcome(stack: Stack, environment: dict[str, str], *, port: int, seconds: float) -> str:
    return READY.format(
        site=f"http://{HOST}:{port}",
        seconds=seconds,
        mailbox=MAILBOX.format(url=stack.mailbox_url) if stack.mailbox_url else "",
        logs=stack.home / "logs",
        model=DEMO if "GROQ_BASE_URL" in environment else "",
    )


def _say(text: str) -> None:
    # A terminal that was closed cannot be written to; that must not keep us from stopping.
    with suppress(OSError):
        print(text, flush=True)


def _install_signal_handlers() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal is to be survived.
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        # All three mean what Ctrl-C means. Set for SIGINT too: it is ignored in background jobs.
        signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    # Stopping takes seconds and must be whole; a second Ctrl-C changes nothing.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
