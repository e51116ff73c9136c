"""The AI SDK's transport and reader, unchanged, against our event stream. Its schema takes no part it does not know."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_stack import node
from local_stack.groq_stand_in import Script, StandIn
from tests.cast import Actor

CLIENT = Path(__file__).parent.parent / "ai_sdk" / "client.mjs"


async def ai_sdk(
    person: Actor, what: str, chat_id: str, text: str = "", *, opened: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """What the SDK made of the stream: `{message, errors}`. `opened` is called when it has begun to read."""
    process = await asyncio.create_subprocess_exec(
        *(node.executable(), CLIENT, what),
        env={
            "PATH": os.environ["PATH"],
            "SAFYCORE": person.base_url,
            "TOKEN": person.token or "",
            "CHAT": chat_id,
            "TEXT": text,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    opened()
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    answer: dict[str, Any] = json.loads(out)
    return answer


def text_of(message: dict[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


async def test_a_message_is_sent_and_its_reply_put_together(alice: Actor, model: StandIn, chat_id: str) -> None:
    model.queue(Script(text="It is **nine**."))
    answer = await ai_sdk(alice, "send", chat_id, "What time is it?")
    assert answer["errors"] == []
    assert text_of(answer["message"]) == "It is **nine**."
    assert answer["message"]["metadata"]["status"] == "complete"
    assert answer["message"]["metadata"]["usage"]["completion_tokens"] > 0
    sent, reply = await alice.history(chat_id)
    assert (sent["content"], reply["id"]) == ("What time is it?", answer["message"]["id"])


async def test_a_running_reply_is_resumed_from_its_start(alice: Actor, model: StandIn, chat_id: str) -> None:
    hold = f"resume-{chat_id}"
    model.queue(Script(text="one two three four", after=2, hold=hold))
    sending = asyncio.create_task(alice.say("Count", chat_id))
    await model.reached(hold)
    answer = await ai_sdk(alice, "resume", chat_id, opened=lambda: model.release(hold))
    assert answer["errors"] == []
    assert text_of(answer["message"]) == "one two three four"
    assert (await sending)["message_id"] == answer["message"]["id"]


async def test_nothing_is_resumed_where_nothing_runs(alice: Actor, chat_id: str) -> None:
    assert await ai_sdk(alice, "resume", chat_id) == {"message": None, "errors": []}


async def test_an_error_of_the_model_is_an_error_of_the_stream(alice: Actor, model: StandIn, chat_id: str) -> None:
    model.queue(Script(tokens=20, after=5, clean_end=True))
    answer = await ai_sdk(alice, "send", chat_id, "Break off")
    assert answer["errors"] != []
