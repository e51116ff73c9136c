"""What one instance did, another knows: replies, stops, keys, limits, ended sessions."""

import asyncio
import time

import pytest

from local_stack.cluster import Cluster
from local_stack.groq_stand_in import StandIn
from tests.answers import refused
from tests.api.accounts import assert_not_authenticated
from tests.cast import Actor
from tests.conftest import NewActor
from tests.faults.rows import Owner, row, rows
from tests.faults.talking import Heard, clients, hear, joined, listening_to, script

LOGOUT_WITHIN = 1.0


async def test_a_reply_is_joined_on_every_other_instance_from_its_start(
    cluster: Cluster, model: StandIn, alice: Actor, owner_sql: Owner, chat_id: str
) -> None:
    addresses = [*(each.url for each in cluster.instances[1:]), cluster.url]
    async with (
        clients(alice, cluster.instances[0].url) as here,
        listening_to(here, chat_id, script(tokens=60, after=20, hold=chat_id)) as first,
    ):
        async with asyncio.timeout(30):
            await model.reached(chat_id)
        await first.has(20)
        others = [asyncio.create_task(_joined_at(alice, url, chat_id)) for url in addresses]
        # Released only when they are at it; one that came later would still have to tell the same.
        await asyncio.wait(others, timeout=1.5)
        model.release(chat_id)
        heard = await first.end()
        async with asyncio.timeout(30):
            elsewhere = await asyncio.gather(*others)
    assert (heard.finish, heard.done) == ("complete", True)
    assert (await row(owner_sql, heard.message_id))["content"] == heard.text
    for other in elsewhere:
        told = (other.message_id, other.text, other.finish, other.done)
        assert told == (heard.message_id, heard.text, "complete", True)


async def _joined_at(actor: Actor, url: str, session_id: str) -> Heard:
    async with clients(actor, url) as http:
        return await joined(http, session_id)


async def test_a_reply_is_stopped_from_another_instance(
    cluster: Cluster, alice: Actor, owner_sql: Owner, chat_id: str
) -> None:
    here, there = cluster.instances[0].url, cluster.instances[2].url
    async with clients(alice, here) as at_home, clients(alice, there) as away:
        async with listening_to(at_home, chat_id, script(tokens=9000, tokens_per_second=100)) as listener:
            await listener.has(50)
            assert (await away.post(f"/api/chat/conversation/{chat_id}/stop/")).status_code == 200
            heard = await listener.end(20)
        assert (heard.finish, heard.done) == ("stopped", True)
        stored = await row(owner_sql, heard.message_id)
        assert (stored["status"], stored["content"]) == ("stopped", heard.text)
        assert (await hear(away, chat_id, "And now?")).finish == "complete"


async def test_a_second_send_is_refused_on_every_instance_while_a_reply_runs(
    cluster: Cluster, model: StandIn, alice: Actor, chat_id: str
) -> None:
    async with clients(alice, cluster.instances[1].url) as here:
        async with listening_to(here, chat_id, script(tokens=40, after=10, hold=chat_id)) as first:
            async with asyncio.timeout(30):
                await model.reached(chat_id)
            for url in (*(each.url for each in cluster.instances), cluster.url):
                body = {"message": "Me too", "session_id": chat_id}
                refused(await alice.on(url).call("POST", "/api/chat/", body), 409, "reply_in_progress")
            model.release(chat_id)
            assert (await first.end()).finish == "complete"
    assert model.total == 1


async def test_one_key_on_every_instance_at_once_is_one_turn(
    cluster: Cluster, model: StandIn, alice: Actor, owner_sql: Owner, chat_id: str
) -> None:
    urls = [each.url for each in cluster.instances] * 4
    heard = await asyncio.gather(*(_sent_at(alice, url, chat_id) for url in urls))
    assert len({each.message_id for each in heard}) == 1
    assert len({each.text for each in heard}) == 1
    assert {each.finish for each in heard} == {"complete"}
    assert model.total == 1
    assert len(await rows(owner_sql, alice.id, chat_id)) == 2


async def _sent_at(actor: Actor, url: str, session_id: str) -> Heard:
    async with clients(actor, url) as http:
        return await hear(http, session_id, "Hello", key=session_id)


async def test_a_limit_is_one_limit_on_all_instances(cluster: Cluster, newcomer: NewActor) -> None:
    most = int(cluster.environment["LIMIT_EXPORT_PER_PERSON"].partition("/")[0])
    carol = await newcomer("carol")
    urls = [cluster.instances[number % 3].url for number in range(most)]
    for url in urls:
        assert (await carol.on(url).call("GET", "/api/auth/export/")).status_code == 200
    for url in (*(each.url for each in cluster.instances), cluster.url):
        refused(await carol.on(url).call("GET", "/api/auth/export/"), 429, "too_many_requests")


@pytest.mark.parametrize("path", ["/api/auth/profile/", "/api/chat/sessions/"])
async def test_who_has_signed_out_is_refused_on_every_instance_within_a_second(
    cluster: Cluster, newcomer: NewActor, path: str
) -> None:
    carol = await newcomer("carol")
    for instance in cluster.instances:
        assert (await carol.on(instance.url).call("GET", path)).status_code == 200
    assert (await carol.call("POST", "/api/auth/logout/")).status_code == 200
    signed_out = time.monotonic()
    answers = await asyncio.gather(*(carol.on(each.url).call("GET", path) for each in cluster.instances))
    assert time.monotonic() - signed_out < LOGOUT_WITHIN
    for answer in answers:
        assert_not_authenticated(answer)
