"""The embedded default: what `make up` starts, keeps, and leaves behind when it ends."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from local_stack.processes import CHECKOUT, StackError, free_port, python_child
from local_stack.stack import Stack

ALICE = {"email": "alice@example.com", "password": "correct horse"}
DEADLINE_SECONDS = 30


class Running:
    """A started stack and the environment it answered."""

    def __init__(self, stack: Stack, environment: dict[str, str]) -> None:
        self.stack = stack
        self.environment = environment

    def auth(self, path: str, body: dict[str, str]) -> httpx.Response:
        return ask_auth(self.environment["SUPABASE_URL"], self.environment["SUPABASE_KEY"], path, body)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("closed") / "home"
    home.parent.chmod(0o700)
    stack = Stack(home, site_url="http://127.0.0.1:8000")
    try:
        yield Running(stack, stack.start())
    finally:
        stack.stop()


def ask_auth(url: str, key: str, path: str, body: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{url}/auth/v1/{path}", json=body, headers={"apikey": key})


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the deadline has passed"
        time.sleep(0.02)


def processes_of(home: Path) -> list[int]:
    """The processes whose command line, environment or working directory names `home`."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if number != os.getpid() and names(number, home)]


def names(number: int, home: Path) -> bool:
    process, wanted = Path(f"/proc/{number}"), os.fsencode(home)
    try:
        texts = [(process / "cmdline").read_bytes(), (process / "environ").read_bytes()]
        return any(wanted in text for text in [*texts, os.fsencode((process / "cwd").readlink())])
    except OSError:  # ended meanwhile, or somebody else's
        return False


def up(home: Path, port: int) -> subprocess.Popen[str]:
    # Set to nothing, so that a developer's own .env does not lead the test to their project.
    unset = dict.fromkeys(["SUPABASE_URL", "GROQ_API_KEY", "GROQ_BASE_URL", "DATABASE_URL", "SITE_URL"], "")
    return subprocess.Popen(
        [sys.executable, "-m", "local_stack", "up"],
        cwd=CHECKOUT,
        env={**unset, "PATH": os.environ["PATH"], "PORT": str(port), "SAFYCORE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running_up(home: Path) -> Iterator[subprocess.Popen[str]]:
    """`make up` on `home`, ready; killed at the end unless it has ended."""
    with up(home, free_port()) as supervisor:
        try:
            read_until_ready(supervisor)
            yield supervisor
        finally:
            supervisor.kill()


def read_until_ready(supervisor: subprocess.Popen[str]) -> None:
    assert supervisor.stdout is not None
    seen = []
    for line in supervisor.stdout:
        seen.append(line)
        if "is ready" in line:
            return
    pytest.fail("".join(seen))


def lite_address(home: Path) -> tuple[str, str]:
    """Where the local Supabase of a running `home` answers, and its public key."""
    announcement = (home / "logs" / "supabase.log").read_text().partition("\n")[0]
    key = json.loads((home / "secrets.json").read_text())["publishable_key"]
    return f"http://127.0.0.1:{json.loads(announcement)['listening']}", key


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_readable_by_their_owner_only(running: Running) -> None:
    home = running.stack.home
    assert mode(home) == 0o700
    assert mode(home / "secrets.json") == 0o600


def test_data_mails_and_logs_are_closed_to_other_people(running: Running) -> None:
    home = running.stack.home
    assert [mode(home / name) for name in ("postgres", "mails", "logs")] == [0o700] * 3
    assert {mode(log) for log in (home / "logs").iterdir()} == {0o600}


def test_postgres_runs_without_root_below_a_folder_that_is_closed_to_it(running: Running) -> None:
    data = running.stack.home / "postgres"
    server = (data / "postmaster.pid").read_text().partition("\n")[0]
    owner = Path(f"/proc/{server}").stat().st_uid
    assert owner == data.stat().st_uid != 0
    assert owner == os.geteuid() or os.geteuid() == 0
    assert mode(running.stack.home.parent) == 0o700


def test_everything_listens_on_loopback_only(running: Running) -> None:
    inodes = {inode for child in running.stack.children for inode in socket_inodes(child.process.pid)}
    # Columns of /proc/net/tcp: address, state (0A is listening) and inode; 0100007F is 127.0.0.1.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert addresses == ["0100007F"] * 4
    rows = [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert not [row for row in rows if row[3] == "0A" and row[9] in inodes]


def socket_inodes(process: int) -> set[str]:
    links = (str(entry.readlink()) for entry in Path(f"/proc/{process}/fd").iterdir())
    return {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:[")}


def test_a_person_can_sign_up_and_read_their_own_rows_over_the_data_api(running: Running) -> None:
    signed_up = running.auth("signup", {"email": "rows@example.com", "password": "correct horse"})
    url, key = running.environment["SUPABASE_URL"], running.environment["SUPABASE_KEY"]
    token = signed_up.json()["access_token"]
    headers = {"apikey": key, "Authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}/rest/v1/messages", headers=headers).json() == []


def test_a_password_of_seven_characters_is_refused(running: Running) -> None:
    answer = running.auth("signup", {"email": "short@example.com", "password": "1234567"})
    assert answer.json()["error_code"] == "weak_password"


def test_people_get_no_grant_that_a_migration_has_not_given(running: Running) -> None:
    """lite would grant everything, TRUNCATE included, at the first request under row level security."""
    running.auth("signup", {"email": "grants@example.com", "password": "correct horse"})
    with psycopg.connect(running.environment["SUPABASE_DB_ADMIN_URL"]) as database:
        question = "select has_table_privilege(%s, 'public.messages', 'truncate')"
        answers = [database.execute(question, [role]).fetchone() for role in ("anon", "authenticated")]
    assert answers == [(False,), (False,)]


def test_the_mail_for_a_new_password_is_caught_and_links_to_our_page(running: Running) -> None:
    address = "reset@example.com"
    running.auth("signup", {"email": address, "password": "correct horse"})
    running.auth("recover", {"email": address})
    mailbox = running.stack.mailbox_url
    (mail,) = [mail for mail in httpx.get(f"{mailbox}mails.json").json() if mail["to"] == address]
    link = re.search(r"http://127\.0\.0\.1:8000/reset-password\?token_hash=(\w+)&type=recovery", mail["text"])
    assert link is not None
    assert link.group(1) in httpx.get(f"{mailbox}").text
    assert running.auth("verify", {"type": "recovery", "token_hash": link.group(1)}).status_code == 200


def test_the_mailbox_answers_under_local_names_only(running: Running) -> None:
    answer = httpx.get(f"{running.stack.mailbox_url}mails.json", headers={"Host": "evil.example"})
    assert answer.status_code == 421


def test_the_local_supabase_keeps_the_address_of_the_database_to_itself(running: Running) -> None:
    assert httpx.get(f"{running.environment['SUPABASE_URL']}/_system/info").status_code == 404


def test_a_request_that_breaks_off_does_not_end_the_local_supabase(running: Running) -> None:
    port = int(running.environment["SUPABASE_URL"].rpartition(":")[2])
    for fragment in (b"\x00\xff\r\n\r\n", b"POST /auth/v1/signup HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(fragment)
    assert running.auth("recover", {"email": "nobody@example.com"}).status_code == 200


def test_a_second_stack_on_the_same_home_is_refused(running: Running) -> None:
    second = Stack(running.stack.home, site_url="http://127.0.0.1:8000")
    with pytest.raises(StackError, match="already runs on"):
        second.start()
    assert second.children == []


def test_a_home_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    with pytest.raises(StackError, match="chmod 700"):
        Stack(home, site_url="http://127.0.0.1:8000").start()
    assert list(home.iterdir()) == []


def test_a_part_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = python_child("fortune", "-c", "print('last words'); raise SystemExit(3)", logs=tmp_path)
    with pytest.raises(StackError, match=r"fortune ended \(3\)\.\n.*\n  last words"):
        child.announced("listening")
    child.stop(seconds=1)


def test_a_taken_port_gives_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with up(tmp_path / "home", port) as supervisor:
            output, _ = supervisor.communicate(timeout=DEADLINE_SECONDS)
    assert output == f"Port {port} is taken; choose another with: PORT={port + 1} make up\n"
    assert supervisor.returncode == 1
    assert not (tmp_path / "home").exists()


def test_a_killed_make_up_leaves_no_process_and_the_next_finds_people_and_secrets(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_up(home) as supervisor:
        assert ask_auth(*lite_address(home), "signup", ALICE).status_code == 200
        secrets = (home / "secrets.json").read_bytes()
        assert len(processes_of(home)) > 5
        supervisor.send_signal(signal.SIGKILL)
        wait_for(lambda: processes_of(home) == [])
    with running_up(home) as supervisor:
        assert ask_auth(*lite_address(home), "token?grant_type=password", ALICE).status_code == 200
        assert (home / "secrets.json").read_bytes() == secrets
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(DEADLINE_SECONDS) == 0
        assert processes_of(home) == []
