"""The examples that need no browser, run as their documents say."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping

import pytest

from local_stack.groq_stand_in import Script, StandIn
from tests.cast import PASSWORD
from tests.conftest import NewActor
from tests.processes import CHECKOUT, Server

EXAMPLES = CHECKOUT / "examples"


async def run(*command: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code, and what was printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("sign_in", ["at SafyCore", "at Supabase"])
async def test_the_python_example_signs_in_and_reads_the_reply(
    sign_in: str, postgres_server: Server, newcomer: NewActor, model: StandIn, environment: Mapping[str, str]
) -> None:
    dave = await newcomer("dave")
    model.queue(Script(text="On Sundays it opens at nine."))
    supabase = {name: environment[name] for name in ("SUPABASE_URL", "SUPABASE_KEY")}
    code, out = await run(
        sys.executable,
        str(EXAMPLES / "python" / "ask.py"),
        "When does it open on Sundays?",
        environment={
            "SAFYCORE": postgres_server.url,
            "EMAIL": dave.email,
            "PASSWORD": PASSWORD,
            **(supabase if sign_in == "at Supabase" else {}),
        },
    )
    assert (code, out) == (0, "On Sundays it opens at nine.\n")
    sent, reply = await dave.history("chat")
    assert (sent["content"], reply["status"]) == ("When does it open on Sundays?", "complete")
    texts = (await dave.call("GET", "/api/chat/training-data/?session_id=chat")).json()["training_data"]
    assert ["bakery" in text["content"] for text in texts] == [True]


async def test_the_python_example_says_why_it_is_refused(postgres_server: Server, newcomer: NewActor) -> None:
    dave = await newcomer("dave")
    code, out = await run(
        sys.executable,
        str(EXAMPLES / "python" / "ask.py"),
        "Hello",
        environment={"SAFYCORE": postgres_server.url, "EMAIL": dave.email, "PASSWORD": "not the password"},
    )
    assert code == 1
    assert out.startswith("This address and password do not fit together. (invalid_credentials, request ")


async def test_the_conversation_with_curl_goes_through_to_its_end(postgres_server: Server, model: StandIn) -> None:
    for text in ("At **9**.", "At 7.", "On holidays it is closed."):
        model.queue(Script(text=text))
    script = EXAMPLES / "curl" / "conversation.sh"
    code, out = await run("bash", str(script), environment={"SAFYCORE": postgres_server.url})
    assert code == 0, out
    lines = out.splitlines()
    assert "At 9." in lines
    assert "At 7." in lines
    # The same key twice: one turn, told twice under one id.
    starts = [json.loads(line.removeprefix("data: ")) for line in lines if '"type":"start"' in line]
    assert len(starts) == 2
    assert starts[0] == starts[1]
    assert any('"invalid_input"' in line and line.endswith(" (status 400)") for line in lines)
    assert '"counts":{"sessions":1,"messages":6,"training_data":1}' in out
    assert json.loads(lines[-1])["deleted"]["messages"] == 6
