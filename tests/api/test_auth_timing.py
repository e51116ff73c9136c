"""The time of an answer does not tell whether an address has an account; tests/faults/test_timing.py tries longer."""

import time

from tests.api.accounts import Mailbox, Owner, fresh_address, log_in, post
from tests.cast import PASSWORD, Actor
from tests.conftest import NewServer
from tests.timing import Try, addresses, asking, compared, people, timed

TRIES = 20
CONTROL_TRIES = 40
# A busy machine is no failing Supabase.
PATIENT = {"SUPABASE_TIMEOUT": "30"}


def logins(alice: Actor, tries: int) -> dict[str, Try]:
    return {
        "login: known": asking("login", [alice.email] * tries, password="not the password"),
        "login: unknown": asking("login", addresses(tries), password="not the password"),
    }


async def resets(owner: Owner) -> dict[str, Try]:
    return {
        "password-reset: known": asking("password-reset", await people(owner, TRIES)),
        "password-reset: unknown": asking("password-reset", addresses(TRIES)),
    }


async def test_known_and_unknown_addresses_are_answered_at_the_same_time(
    new_server: NewServer, owner_sql: Owner, alice: Actor
) -> None:
    server = await new_server(AUTH_MINIMUM_SECONDS="1", **PATIENT)
    kinds = logins(alice, TRIES) | await resets(owner_sql)
    times = await timed(server.url, kinds, TRIES, at_once=16)
    assert min(min(each) for each in times.values()) >= 1
    for comparison in compared(times):
        assert not comparison.differ, comparison


async def test_without_the_setting_the_same_comparison_tells_them_apart(new_server: NewServer, alice: Actor) -> None:
    server = await new_server(AUTH_MINIMUM_SECONDS="0", **PATIENT)
    times = await timed(server.url, logins(alice, CONTROL_TRIES), CONTROL_TRIES, at_once=1)
    (comparison,) = compared(times)
    assert comparison.differ, comparison


async def test_who_signs_in_or_up_does_not_wait(new_server: NewServer, alice: Actor) -> None:
    server = await new_server(AUTH_MINIMUM_SECONDS="8")
    begun = time.monotonic()
    assert (await log_in(server.url, alice.email)).status_code == 200
    body = {"email": fresh_address("carol"), "password": PASSWORD}
    assert (await post(server.url, "signup", body)).status_code == 201
    assert time.monotonic() - begun < 8


async def test_a_reset_mail_is_sent_although_its_answer_waits_for_nobody(
    new_server: NewServer, owner_sql: Owner, mailbox: Mailbox
) -> None:
    """The answer comes at its own time, and the mail, here long before, at that of the mail server."""
    server = await new_server(AUTH_MINIMUM_SECONDS="0.5")
    (email,) = await people(owner_sql, 1)
    assert (await post(server.url, "password-reset", {"email": email})).status_code == 200
    assert len(mailbox.to(email)) == 1
