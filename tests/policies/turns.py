"""What the functions are for: each answer with Mallory's rows, while Alice has rows of her own beside them.

Without the policies, so that the functions themselves must pick the right rows.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from tests.policies.calls import named
from tests.policies.world import (
    ALICE,
    ALIVE,
    LOST,
    MALLORY,
    SHARED,
    Person,
    Row,
    World,
    become,
    undone,
    without_policies,
)

Story = Callable[[World], Iterator[str]]
STORIES: list[Story] = []
WORDS = {session: f"words of mallory in {session}" for session in (*SHARED, MALLORY.own_session)}


def story(tell: Story) -> Story:
    """Told as Mallory at the server's door; undone at its end."""

    def told(world: World) -> Iterator[str]:
        with without_policies(world.sql), undone(world.sql):
            become(world.sql, "safycore_user", MALLORY.claims())
            yield from tell(world)

    told.__name__ = tell.__name__
    STORIES.append(told)
    return told


def differs(what: str, found: Any, wanted: Any) -> Iterator[str]:
    if found != wanted:
        yield f"{what}: {found!r}, not {wanted!r}"


def _as_owner(world: World, query: str, *arguments: Any) -> None:
    """What no function would do, in the middle of a story."""
    world.sql.execute("reset role")
    world.sql.execute(query.encode(), arguments)
    become(world.sql, "safycore_user", MALLORY.claims())


def _contents(messages: list[Row]) -> list[str]:
    return [message["content"] for message in messages]


@story
def a_turn_begins_with_what_was_said_and_told_in_its_session(world: World) -> Iterator[str]:
    turn = named(world, "begin_turn", p_session_id="quiet", p_content="Hello", p_training_data="more")
    yield from differs("outcome", turn["outcome"], "started")
    yield from differs("history", _contents(turn["history"]), [WORDS["quiet"], f"answer, {WORDS['quiet']}"])
    yield from differs("training data", turn["training_data"], [f"fact, {WORDS['quiet']}", "more"])
    sent, reply = turn["user_message"], turn["message"]
    yield from differs("places", (sent["seq"], reply["seq"], reply["reply_to"]), (4, 5, sent["id"]))
    yield from differs("the reply", (reply["role"], reply["status"], reply["content"]), ("assistant", "streaming", ""))


@story
def history_is_the_newest_that_fits(world: World) -> Iterator[str]:
    answer = f"answer, {WORDS['quiet']}"
    for given in ({"p_history_max_messages": 1}, {"p_history_max_chars": len(answer)}):
        with undone(world.sql):
            turn = named(world, "begin_turn", p_session_id="quiet", **given)
            yield from differs(f"history with {given}", _contents(turn["history"]), [answer])


@story
def a_new_session_begins_with_its_first_message(world: World) -> Iterator[str]:
    """Also where Alice has one of that name, and while others' replies run."""
    turn = named(world, "begin_turn", p_session_id="own-alice", p_training_data=None, p_max_running=3)
    yield from differs("outcome", turn["outcome"], "started")
    yield from differs("place", turn["user_message"]["seq"], 1)
    yield from differs("history", (turn["history"], turn["training_data"]), ([], []))


@story
def only_so_many_replies_run_at_once(world: World) -> Iterator[str]:
    """Two of Mallory's run; what a dead process left is none, and neither is what `p_dead_owner` held."""
    for limit, dead, outcome in ((2, None, "too_many"), (3, None, "started"), (1, ALIVE, "started")):
        with undone(world.sql):
            turn = named(world, "begin_turn", p_session_id="new", p_max_running=limit, p_dead_owner=dead)
            yield from differs(f"with room for {limit}, {dead} dead", turn["outcome"], outcome)
    named(world, "finish_turn", p_message_id=world.reply(MALLORY, "chat"))
    turn = named(world, "begin_turn", p_session_id="new", p_max_running=2)
    yield from differs("after one has ended", turn["outcome"], "started")


@story
def one_reply_runs_in_a_session(world: World) -> Iterator[str]:
    running = {"outcome": "running", "message_id": world.reply(MALLORY, "chat"), "owner": ALIVE}
    yield from differs("a second send", named(world, "begin_turn", p_session_id="chat"), running)
    yield from differs("another answer", named(world, "regenerate_turn", p_session_id="chat"), running)
    for session, dead in (("lost", None), ("chat", ALIVE)):
        with undone(world.sql):
            turn = named(world, "begin_turn", p_session_id=session, p_dead_owner=dead)
            yield from differs(f"after a dead reply in {session}", turn["outcome"], "started")
            left = named(world, "get_message", p_message_id=world.reply(MALLORY, session))
            ended = ("interrupted", "process_lost")
            yield from differs("what it left", (left["status"], left["error_code"]), ended)


@story
def a_key_makes_one_turn(world: World) -> Iterator[str]:
    again = named(world, "begin_turn", p_session_id="quiet", p_client_message_id="key-quiet")
    yield from differs("outcome", again["outcome"], "repeated")
    yield from differs("the message", again["user_message"]["id"], world.sent(MALLORY, "quiet"))
    yield from differs("the answer", again["message"]["id"], world.reply(MALLORY, "quiet"))
    other = named(world, "begin_turn", p_client_message_id="key-quiet", p_request_hash="another")
    yield from differs("for something else", other["outcome"], "key_reused")
    hers = named(world, "begin_turn", p_session_id="own-alice", p_client_message_id="key-own-alice")
    yield from differs("a key of Alice's", hers["outcome"], "started")


@story
def a_key_finds_its_own_answer_among_later_ones(world: World) -> Iterator[str]:
    named(world, "begin_turn", p_session_id="quiet", p_client_message_id="key-2")
    again = named(world, "begin_turn", p_session_id="quiet", p_client_message_id="key-quiet")
    yield from differs("the answer", again["message"]["id"], world.reply(MALLORY, "quiet"))


@story
def a_row_that_could_not_be_there_is_taken_for_nobodys(world: World) -> Iterator[str]:
    """An answer to Mallory's message in Alice's name, or in another session: the trigger refuses both."""
    for person, session in ((ALICE, "quiet"), (MALLORY, "chat")):
        with undone(world.sql):
            turn = named(world, "regenerate_turn", p_session_id="quiet")
            _forge_an_answer(world, person, session)
            again = named(world, "begin_turn", p_session_id="quiet", p_client_message_id="key-quiet")
            yield from differs("the answer", again["message"]["id"], turn["message"]["id"])
            named(world, "finish_turn", p_message_id=turn["message"]["id"], p_content="", p_status="error")
            yield from differs("former", _superseded(world, "quiet"), [False, True, False, True])


def _forge_an_answer(world: World, person: Person, session: str) -> None:
    _as_owner(world, "set local session_replication_role = replica")
    forged = (
        "insert into public.messages (user_id, session_id, seq, role, content, reply_to, superseded) "
        "values (%s, %s, 99, 'assistant', 'forged', %s, true)"
    )
    _as_owner(world, forged, person.id, session, world.sent(MALLORY, "quiet"))
    _as_owner(world, "set local session_replication_role = origin")


@story
def training_data_is_kept_once_and_up_to_its_limit(world: World) -> Iterator[str]:
    fact = f"fact, {WORDS['quiet']}"
    same = named(world, "add_training_data", p_session_id="quiet", p_content=fact, p_max_chars=len(fact))
    yield from differs("the same text", same["id"], world.fact(MALLORY, "quiet"))
    room = {"p_session_id": "quiet", "p_content": "1234", "p_max_chars": len(fact) + 3}
    yield from differs("too much", named(world, "add_training_data", **room), None)
    full = named(world, "begin_turn", p_session_id="quiet", p_training_data="1234", p_training_max_chars=len(fact) + 3)
    yield from differs("too much with a message", full, {"outcome": "training_data_full"})
    kept = named(world, "add_training_data", **{**room, "p_max_chars": len(fact) + 4})
    yield from differs("just enough", kept and kept["content"], "1234")
    listed = named(world, "list_training_data", p_session_id="quiet")
    yield from differs("the list", _contents(listed), [fact, "1234"])
    elsewhere = named(world, "add_training_data", p_session_id="new", p_content=fact)
    yield from differs("elsewhere", elsewhere["session_id"], "new")


@story
def the_same_text_of_somebody_else_is_another_text(world: World) -> Iterator[str]:
    query = "insert into public.training_data (user_id, session_id, content) values (%s, 'quiet', 'known to both')"
    _as_owner(world, query, ALICE.id)
    kept = named(world, "add_training_data", p_session_id="quiet", p_content="known to both")
    listed = named(world, "list_training_data", p_session_id="quiet")
    yield from differs("in Mallory's list", kept["id"] in {each["id"] for each in listed}, True)


@story
def one_text_can_be_taken_back(world: World) -> Iterator[str]:
    fact = world.fact(MALLORY, "quiet")
    yield from differs("the first time", named(world, "delete_training_data", p_id=fact), True)
    yield from differs("the second time", named(world, "delete_training_data", p_id=fact), False)
    for session, left in (("quiet", 0), ("chat", 1)):
        listed = named(world, "list_training_data", p_session_id=session)
        yield from differs(f"left in {session}", len(listed), left)


@story
def a_message_is_answered_again(world: World) -> Iterator[str]:
    turn = named(world, "regenerate_turn", p_session_id="quiet")
    yield from differs("outcome", turn["outcome"], "started")
    yield from differs("the message", turn["user_message"]["id"], world.sent(MALLORY, "quiet"))
    yield from differs("history", turn["history"], [])
    yield from differs("training data", turn["training_data"], [f"fact, {WORDS['quiet']}"])
    yield from differs("former", _superseded(world, "quiet"), [False, True, True, False])
    nothing = named(world, "regenerate_turn", p_session_id="own-alice")
    yield from differs("nothing to answer", nothing, {"outcome": "absent"})


@story
def only_answers_are_superseded(world: World) -> Iterator[str]:
    query = "insert into public.messages (user_id, session_id, role) values (%s, 'quiet', 'system')"
    _as_owner(world, query, MALLORY.id)
    named(world, "regenerate_turn", p_session_id="quiet")
    yield from differs("former", _superseded(world, "quiet"), [False, True, True, False, False])


@story
def answering_again_leaves_earlier_answers(world: World) -> Iterator[str]:
    """Of two questions, the last is answered again, and the answers to the first stay as they are."""
    second = named(world, "begin_turn", p_session_id="quiet", p_content="second")
    named(world, "finish_turn", p_message_id=second["message"]["id"], p_content="answer")
    turn = named(world, "regenerate_turn", p_session_id="quiet")
    yield from differs("the message", turn["user_message"]["id"], second["user_message"]["id"])
    yield from differs("former", _superseded(world, "quiet"), [False, True, False, False, True, False])
    too_many = named(world, "regenerate_turn", p_session_id="lost", p_max_running=3)
    yield from differs("three run already", too_many["outcome"], "too_many")


def _superseded(world: World, session: str) -> list[bool]:
    page = named(world, "conversation_page", p_session_id=session, p_before=None)
    return [message["superseded"] for message in page["messages"]]


@story
def an_answer_that_failed_gives_its_place_back(world: World) -> Iterator[str]:
    """To the newest one before it that says something."""
    for said, status, after in (
        ("", "error", [False, True, False, True]),
        ("", "complete", [False, True, True, False]),
        ("words", "error", [False, True, True, False]),
    ):
        with undone(world.sql):
            turn = named(world, "regenerate_turn", p_session_id="quiet")
            named(world, "finish_turn", p_message_id=turn["message"]["id"], p_content=said, p_status=status)
            yield from differs(f"after {said!r}, {status}", _superseded(world, "quiet"), after)


@story
def an_answer_that_failed_takes_nothing_from_one_that_was_not_superseded(world: World) -> Iterator[str]:
    turn = named(world, "regenerate_turn", p_session_id="quiet")
    _as_owner(world, "update public.messages set superseded = false where reply_to = %s", world.sent(MALLORY, "quiet"))
    named(world, "finish_turn", p_message_id=turn["message"]["id"], p_content="", p_status="error")
    yield from differs("former", _superseded(world, "quiet"), [False] * 4)


@story
def an_empty_former_answer_takes_no_place(world: World) -> Iterator[str]:
    for status in ("complete", "error"):
        turn = named(world, "regenerate_turn", p_session_id="quiet")
        named(world, "finish_turn", p_message_id=turn["message"]["id"], p_content="", p_status=status)
    yield from differs("the last with words", _superseded(world, "quiet"), [False, True, False, True, True])


@story
def the_first_answer_has_nothing_to_give_back_to(world: World) -> Iterator[str]:
    """Former answers to other messages, in this session or another, do not come back for it."""
    for session in ("quiet", "own-alice"):
        with undone(world.sql):
            turn = named(world, "begin_turn", p_session_id=session)
            before = _superseded(world, session)
            named(world, "finish_turn", p_message_id=turn["message"]["id"], p_content="", p_status="error")
            yield from differs(f"in {session}", _superseded(world, session), before)


@story
def a_reply_is_saved_while_it_runs_and_ended_once(world: World) -> Iterator[str]:
    reply = world.reply(MALLORY, "chat")
    saved = named(world, "checkpoint_turn", p_message_id=reply, p_content="some")
    yield from differs("while it runs", saved, {"running": True, "stop_requested": False})
    yield from differs("stop", named(world, "stop_turn", p_session_id="chat"), {"message_id": reply})
    asked = named(world, "checkpoint_turn", p_message_id=reply, p_content="some more")
    yield from differs("once it was stopped", asked, {"running": True, "stop_requested": True})
    yield from differs("so far", named(world, "running_turn", p_session_id="chat")["content"], "some more")
    ended = named(world, "finish_turn", p_message_id=reply, p_content="all", p_status="stopped")
    yield from differs("the end", ended, {"status": "stopped"})
    again = named(world, "finish_turn", p_message_id=reply, p_content="other", p_status="complete")
    yield from differs("again", again, {"status": "stopped"})
    late = named(world, "checkpoint_turn", p_message_id=reply, p_content="late")
    yield from differs("too late", late, {"running": False, "stop_requested": False})
    yield from differs("in the end", named(world, "get_message", p_message_id=reply)["content"], "all")


@story
def stopping_is_for_what_runs(world: World) -> Iterator[str]:
    yield from differs("all that run", named(world, "running_sessions"), ["chat", MALLORY.own_session])
    for session in ("quiet", "lost", "own-alice", "new"):
        yield from differs(f"in {session}", named(world, "stop_turn", p_session_id=session), {"message_id": None})
        yield from differs(f"running in {session}", named(world, "running_turn", p_session_id=session), None)
    chat = named(world, "running_turn", p_session_id="chat")
    yield from differs("in chat", chat["id"], world.reply(MALLORY, "chat"))
    named(world, "finish_turn", p_message_id=chat["id"])
    yield from differs("all that run now", named(world, "running_sessions"), [MALLORY.own_session])


@story
def a_dead_reply_is_seen_as_interrupted(world: World) -> Iterator[str]:
    lost = world.reply(MALLORY, "lost")
    with undone(world.sql):
        yield from differs("alone", named(world, "get_message", p_message_id=lost)["status"], "interrupted")
    page = named(world, "conversation_page", p_session_id="lost", p_before=None)
    yield from differs("on its page", [each["status"] for each in page["messages"]], ["sent", "interrupted"])
    absent = "00000000-0000-4000-8000-000000000000"
    yield from differs("one that is not there", named(world, "get_message", p_message_id=absent), None)
    for session, status in (("chat", "streaming"), ("quiet", "complete")):
        found = named(world, "get_message", p_message_id=world.reply(MALLORY, session))
        yield from differs(f"in {session}", found["status"], status)


@story
def an_old_heartbeat_ends_nothing_that_has_ended(world: World) -> Iterator[str]:
    reply = world.reply(MALLORY, "quiet")
    _as_owner(world, "update public.messages set heartbeat_at = '2000-01-01', owner = %s where id = %s", LOST, reply)
    named(world, "running_turn", p_session_id="quiet")
    found = named(world, "get_message", p_message_id=reply)
    yield from differs("status", found["status"], "complete")
    with undone(world.sql):
        named(world, "begin_turn", p_session_id="quiet", p_dead_owner=LOST)
        yield from differs("status", named(world, "get_message", p_message_id=reply)["status"], "complete")


@story
def a_conversation_is_read_page_by_page(world: World) -> Iterator[str]:
    answer = world.reply(MALLORY, "quiet")
    asked = {"p_session_id": "quiet", "p_limit": 1, "p_before": None}
    newest = named(world, "conversation_page", **asked)
    yield from differs("newest", ([m["id"] for m in newest["messages"]], newest["next"]), ([answer], 3))
    last = named(world, "conversation_page", **{**asked, "p_before": 2})
    yield from differs("the last page", ([m["seq"] for m in last["messages"]], last["next"]), ([1], None))
    before_it = named(world, "conversation_page", **{**asked, "p_versions": False})
    yield from differs("before the newest, without former answers", before_it["next"], 3)
    plain = named(world, "conversation_page", **{**asked, "p_limit": 9, "p_versions": False})
    yield from differs("without former answers", [m["seq"] for m in plain["messages"]], [1, 3])
    nothing = named(world, "conversation_page", **{**asked, "p_session_id": "own-alice"})
    yield from differs("nothing", nothing, {"messages": [], "next": None})


@story
def a_page_shows_a_message_as_it_is_shown_alone(world: World) -> Iterator[str]:
    world.reply(MALLORY, "quiet")
    page = named(world, "conversation_page", p_session_id="quiet", p_before=None)
    for shown in page["messages"]:
        yield from differs("a message", shown, named(world, "get_message", p_message_id=shown["id"]))


@story
def there_is_no_next_page_of_former_answers_alone(world: World) -> Iterator[str]:
    _as_owner(
        world,
        "update public.messages set superseded = true where session_id = 'quiet' and user_id = %s and seq < 3",
        MALLORY.id,
    )
    asked = {"p_session_id": "quiet", "p_limit": 1, "p_before": None}
    for versions, following in ((True, 3), (False, None)):
        page = named(world, "conversation_page", **asked, p_versions=versions)
        yield from differs(f"next with versions {versions}", page["next"], following)


@story
def clearing_a_session_counts_what_went(world: World) -> Iterator[str]:
    gone = named(world, "clear_session", p_session_id="quiet")
    yield from differs("gone", gone, {"messages": 3, "training_data": 1})
    page = named(world, "conversation_page", p_session_id="quiet", p_before=None)
    yield from differs("left", page["messages"], [])
    elsewhere = named(world, "conversation_page", p_session_id="chat", p_before=None)
    yield from differs("left elsewhere", len(elsewhere["messages"]), 2)


@story
def deleting_an_account_counts_what_went(world: World) -> Iterator[str]:
    gone = named(world, "delete_account")
    yield from differs("gone", gone, {"messages": 9, "training_data": 4, "users": 1})
    world.sql.execute("reset role")
    left = world.one("select count(*) from auth.users where id in (%s, %s)", MALLORY.id, ALICE.id)
    yield from differs("accounts left", left, 1)


@story
def an_export_is_read_page_by_page(world: World) -> Iterator[str]:
    for what, ids in (("messages", world.messages), ("training_data", world.training)):
        mine = sorted(id_ for (name, *_), id_ in ids.items() if name == MALLORY.name)
        pages = list(_exported(world, f"export_{what}", p_limit=2, p_max_chars=10_000))
        yield from differs(f"{what}, in pages of two", sorted(id_ for page in pages for id_ in page), mine)
        yield from differs(f"{what} on the longest page", max(map(len, pages)), 2)
        small = list(_exported(world, f"export_{what}", p_limit=50, p_max_chars=1))
        yield from differs(f"{what} on pages of one character", max(map(len, small)), 1)


def _exported(world: World, function: str, **limits: int) -> Iterator[list[str]]:
    after = None
    while (page := named(world, function, p_after=after, **limits))["rows"]:
        yield [row["id"] for row in page["rows"]]
        if page["next"] == after:
            return
        after = page["next"]


@story
def deleting_an_account_leaves_the_log_of_others(world: World) -> Iterator[str]:
    _log_everybody(world)
    named(world, "delete_account")
    yield from differs("entries left", _logged(world), [ALICE.id])


@story
def a_log_too_long_to_search_is_left_alone(world: World) -> Iterator[str]:
    _log_everybody(world)
    _as_owner(world, "update pg_class set reltuples = 300000 where oid = 'auth.audit_log_entries'::regclass")
    named(world, "delete_account")
    yield from differs("entries left", _logged(world), sorted([ALICE.id, MALLORY.id]))


def _log_everybody(world: World) -> None:
    for person in (ALICE, MALLORY):
        _as_owner(
            world,
            """insert into auth.audit_log_entries (id, payload)
               values (gen_random_uuid(), json_build_object('who', %s::text))""",
            person.id,
        )


def _logged(world: World) -> list[str]:
    world.sql.execute("reset role")
    found = world.sql.execute(
        "select payload ->> 'who' from auth.audit_log_entries where payload ->> 'who' is not null"
    )
    return sorted(who for (who,) in found)


@story
def a_reply_belongs_to_a_message_of_its_own_session(world: World) -> Iterator[str]:
    for what, session, reply_to, taken in (
        ("its own", "quiet", world.sent(MALLORY, "quiet"), True),
        ("none", "quiet", None, True),
        ("one of another session", "quiet", world.sent(MALLORY, "chat"), False),
        ("one of Alice's", "quiet", world.sent(ALICE, "quiet"), False),
        ("one that is not there", "quiet", "00000000-0000-4000-8000-000000000000", False),
    ):
        yield from differs(f"an answer to {what} is taken", _taken(world, session, reply_to), taken)


def _taken(world: World, session: str, reply_to: str | None) -> bool:
    query = "insert into public.messages (session_id, role, reply_to) values (%s, 'assistant', %s)"
    try:
        with undone(world.sql):
            world.sql.execute(query, (session, reply_to))
    except psycopg.errors.ForeignKeyViolation as refused:
        # The trigger refuses it, before the foreign key would: the same words for every reason.
        return "a reply belongs to" not in str(refused)
    return True


def servers_end_what_dead_processes_left(world: World) -> Iterator[str]:
    """For everybody at once, without any claims; who said what, and what, is not told."""
    lost = {person: world.messages[person, "lost", "reply"] for person in ("alice", "mallory")}
    alive = {world.messages[person, session, "reply"] for person in lost for session in ("chat", f"own-{person}")}
    for dead, by_lease, ended in (
        ([LOST], False, set(lost.values())),
        ([], True, set(lost.values())),
        ([ALIVE], False, alive),
        ([], False, set()),
    ):
        with undone(world.sql):
            silent = "update public.messages set heartbeat_at = '2000-01-01', owner = %s where status = 'complete'"
            world.sql.execute(silent, (LOST,))
            become(world.sql, "safycore_user", None)
            reaped = world.one("select public.reap_replies(%s, %s)", dead, by_lease)
            world.sql.execute("reset role")
            yield from differs(f"{dead}, {by_lease}: how many", reaped, len(ended))
            yield from differs(f"{dead}, {by_lease}: which", _interrupted(world), ended)


def _interrupted(world: World) -> set[str]:
    """Of the world's two people: what other tests left is none of its business."""
    ours = set(world.messages.values())
    query = "select id::text from public.messages where status = 'interrupted' and error_code = 'process_lost'"
    return {found for (found,) in world.sql.execute(query)} & ours


def processes_are_told_by_name_alone(world: World) -> Iterator[str]:
    with undone(world.sql):
        world.sql.execute("update public.messages set owner = 'ended' where status = 'complete'")
        world.sql.execute("update public.messages set owner = null where session_id = %s", (MALLORY.own_session,))
        become(world.sql, "safycore_user", None)
        yield from differs("owners", set(world.one("select public.running_owners()")), {ALIVE, LOST})
