"""chat/answering.py: once more where that can help, and not at all while the model is known to be down."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from django.test import override_settings

from chat import llm
from chat.answering import Answering
from chat.breaker import Breaker
from chat.errors import ContextTooLong, ModelBroken, ModelBusy, ModelError, ModelUnavailable
from local_stack.groq_stand_in import Script, StandIn, serve

PROMPT = [{"role": "user", "content": "Hello"}]
MODEL = "openai/gpt-oss-120b"


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with serve() as running:
        with override_settings(GROQ_BASE_URL=running.url):
            await llm.close_client()
            yield running
            await llm.close_client()


async def ask(answering: Answering) -> str:
    heard: list[str] = []
    await answering.complete(PROMPT, MODEL, heard.append)
    return "".join(heard)


async def test_one_failure_before_the_first_text_is_not_noticed(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=500))
    assert await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_second_failure_is_the_answer(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=503), times=2)
    with pytest.raises(ModelUnavailable):
        await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_short_wait_that_the_model_asks_for_is_kept(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=429, retry_after=0))
    assert await ask(Answering(Breaker()))
    assert stand_in.total == 2


async def test_a_long_wait_is_left_to_the_client(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=429, retry_after=30))
    with pytest.raises(ModelBusy) as refused:
        await ask(Answering(Breaker()))
    assert refused.value.retry_after == 30
    assert stand_in.total == 1


async def test_what_a_second_try_would_not_mend_is_not_tried_again(stand_in: StandIn) -> None:
    stand_in.queue(Script(status=400, error_code="context_length_exceeded"))
    with pytest.raises(ContextTooLong):
        await ask(Answering(Breaker()))
    assert stand_in.total == 1


async def test_after_the_first_text_nothing_is_tried_again(stand_in: StandIn) -> None:
    stand_in.queue(Script(tokens=10, after=3, cut=True))
    heard: list[str] = []
    with pytest.raises(ModelBroken):
        await Answering(Breaker()).complete(PROMPT, MODEL, heard.append)
    assert heard
    assert stand_in.total == 1


async def test_of_many_at_once_each_gets_its_own_text_whole(stand_in: StandIn) -> None:
    """With many, connections are left unread for moments in which more arrives."""
    texts = [f"Reply {n}: " + "word " * 200 for n in range(40)]
    asked = [[{"role": "user", "content": f"!script {msgspec.json.encode({'text': text}).decode()}"}] for text in texts]
    heard: list[list[str]] = [[] for _ in texts]
    told = zip(asked, heard, strict=True)
    await asyncio.gather(*(Answering(Breaker()).complete(prompt, MODEL, said.append) for prompt, said in told))
    assert ["".join(said) for said in heard] == texts
    assert sum(map(len, heard)) < 40 * 200


@pytest.mark.parametrize(
    ("base", "proxy"),
    [
        ("https://api.groq.com", "http://proxy.test:3128"),
        ("http://10.0.0.7:8000/v1", None),
        ("https://here.test", None),
    ],
)
def test_a_proxy_of_the_environment_is_used(base: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "here.test")
    with override_settings(GROQ_BASE_URL=base):
        assert llm._proxy() == proxy


async def test_while_the_breaker_is_open_the_model_is_not_asked(stand_in: StandIn) -> None:
    answering = Answering(Breaker(failures=2, seconds=60))
    stand_in.queue(Script(status=500), times=2)
    with pytest.raises(ModelError):
        await ask(answering)
    with pytest.raises(ModelUnavailable) as refused:
        await ask(answering)
    assert refused.value.retry_after in {59, 60}
    assert stand_in.total == 2
