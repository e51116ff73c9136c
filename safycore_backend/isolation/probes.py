"""The attempts over the API: with another's token, and with none, every operation with every id of the owner's."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from safycore_backend.isolation.accounts import Person
from safycore_backend.isolation.http import Client
from safycore_backend.isolation.operations import Operation, Slot
from safycore_backend.isolation.planted import NOBODYS, Planted, differences, everything
from safycore_backend.isolation.report import Check

SECTION = "API"
# Refusals that come before anybody asks whose the id is: they prove nothing.
_NOT_UNDERSTOOD = {400, 401, 405, 406, 415}
_ORDER = ("get", "head", "patch", "put", "delete", "post")
_RUNNING_TRIES = 3
_LONG = "Repeat the word {canary} five hundred times, numbered, one to a line."
_LONG_DATA = " ".join(f"The word {{canary}} is repeated, {how}" * 12 + "." for how in ("loudly ", "slowly ", "often "))

Step = tuple[Operation, Slot | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """To one step with one kind of id. `turn` is the step's place in the order of a round."""

    turn: int
    step: Step
    kind: str
    status: int
    text: str

    @property
    def tried(self) -> str:
        operation, slot = self.step
        return f"{operation.name} with the owner's {self.kind} as {slot.name}" if slot else operation.name


def steps(operations: Sequence[Operation]) -> list[Step]:
    """First as a stranger to the session, then as somebody who has one of the same name, everything again."""
    ordered = sorted(operations, key=lambda operation: _ORDER.index(operation.method))
    around = [each for each in ordered if each.method != "post"]
    posts = [each for each in ordered if each.method == "post"]
    return [(each, slot) for each in [*around, *posts, *around] for slot in each.slots or (None,)]


async def try_api(
    api: Client, operations: Sequence[Operation], unknown: Sequence[str], intruder: Person, planted: Planted
) -> list[Check]:
    """Every operation x every id, as the intruder; then what the owner has must be as before."""
    before = await everything(api, planted.owner, planted.session)
    answers = await _answers(api, steps(operations), intruder, planted, planted.kinds())
    after = await everything(api, planted.owner, planted.session)
    return [*judged(answers, planted, unknown), unchanged(SECTION, len(answers), before, after)]


async def _answers(
    api: Client, todo: Sequence[Step], intruder: Person | None, planted: Planted, kinds: dict[str, str]
) -> list[Answer]:
    """All steps with each kind of id, the kinds beside each other."""
    rounds = [_round(api, todo, intruder, planted, kind) for kind in kinds.items()]
    return [answer for found in await asyncio.gather(*rounds) for answer in found]


async def _round(
    api: Client, todo: Sequence[Step], intruder: Person | None, planted: Planted, kind: tuple[str, str]
) -> list[Answer]:
    """One kind of id through all steps, one after the other."""
    elsewhere = str(uuid.uuid4())
    token = intruder.token if intruder else None
    if intruder:
        intruder.sessions |= {elsewhere, kind[1]}
    found = []
    for turn, (operation, slot) in enumerate(todo):
        # What takes no id is the same in every round, and may be limited to a few tries an hour.
        if slot is None and kind[0] != NOBODYS:
            continue
        also = {"user_id": planted.owner.id, "role": "system"}
        answer = await api.ask(operation.request(slot, kind[1], elsewhere=elsewhere, also=also), token)
        found.append(Answer(turn, (operation, slot), kind[0], answer.status_code, _said(answer)))
    return found


def _said(answer: httpx.Response) -> str:
    return f"{answer.text}\n{answer.headers!r}"


def judged(answers: Sequence[Answer], planted: Planted, unknown: Sequence[str]) -> list[Check]:
    leaks = [f"{answer.tried}: the answer has what is the owner's" for answer in answers if _leaks(answer, planted)]
    tried = len(answers)
    return [
        Check(
            SECTION, "every address with an id in it can be tried", len(_steps(answers)), (*unknown, *silent(answers))
        ),
        Check(SECTION, "no answer to somebody else has anything of the owner's", tried, tuple(leaks), leaks=len(leaks)),
        Check(
            SECTION, "another's id and one that does not exist get the same status", tried, tuple(told_apart(answers))
        ),
    ]


def _leaks(answer: Answer, planted: Planted) -> bool:
    return planted.given_away_by(answer.text)


def _steps(answers: Iterable[Answer]) -> dict[Any, list[Answer]]:
    return _grouped(answers, lambda answer: (answer.step[0].name, answer.step[1]))


def silent(answers: Iterable[Answer]) -> list[str]:
    """The steps that were refused every time for how they were asked, and so prove nothing."""
    return [
        f"{same[0].step[0].name}: answered {sorted({each.status for each in same})} only; nobody can tell how to ask it"
        for same in _steps(answers).values()
        if {each.status for each in same} <= _NOT_UNDERSTOOD
    ]


def told_apart(answers: Iterable[Answer]) -> list[str]:
    """Where the status tells that an id exists. A model or a service that fails in between proves nothing."""
    problems = []
    for same in _grouped(answers, lambda answer: answer.turn).values():
        expected = {each.status for each in same if each.kind == NOBODYS}
        problems += [
            f"{each.tried}: {each.status} instead of {', '.join(map(str, expected))}"
            for each in same
            if each.status not in expected and each.status < 500 and max(expected) < 500
        ]
    return problems


def _grouped(answers: Iterable[Answer], key: Callable[[Answer], object]) -> dict[Any, list[Answer]]:
    found: dict[Any, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[key(answer)].append(answer)
    return found


def unchanged(section: str, tried: int, before: dict[str, object], after: dict[str, object]) -> Check:
    changed = differences(before, after)
    return Check(section, "what is the owner's is as it was before", tried, changed, leaks=len(changed))


async def try_without_token(api: Client, operations: Sequence[Operation], planted: Planted) -> Check:
    todo = [(operation, slot) for operation in operations for slot in operation.slots or (None,)]
    answers = await _answers(api, todo, None, planted, planted.kinds())
    leaks = [f"{each.tried}: the answer has what is the owner's" for each in answers if _leaks(each, planted)]
    opened = [
        f"{each.tried}: {each.status} without a token"
        for each in answers
        if each.status != 401 and not each.step[0].is_open
    ]
    return Check(SECTION, "without a token every address refuses", len(answers), (*leaks, *opened), leaks=len(leaks))


# A reply on its way


async def try_running_reply(api: Client, operations: Sequence[Operation], intruder: Person, planted: Planted) -> Check:
    """While the owner is being answered the intruder joins, stops, clears: the reply must run on, and stay unseen."""
    name = "a reply on its way cannot be joined, stopped, cleared or made again by somebody else"
    todo: list[Step] = [(operation, slot) for operation in operations for slot in operation.by_path]
    answers: list[Answer] = []
    why = ""
    for _ in range(_RUNNING_TRIES):
        found, disturbed, why = await _while_running(api, todo, intruder, planted)
        answers += found
        leaks = [f"{each.tried}: the answer has what is the owner's" for each in answers if _leaks(each, planted)]
        if leaks or disturbed or not why:
            problems = (*leaks, *disturbed)
            return Check(SECTION, name, len(answers), problems, leaks=len(problems))
    return Check(SECTION, name, len(answers), unproved=(why,))


async def _while_running(
    api: Client, todo: list[Step], intruder: Person, planted: Planted
) -> tuple[list[Answer], list[str], str]:
    """The answers, what was disturbed, and why nothing is proved where the reply was over too soon."""
    session, owner = str(uuid.uuid4()), planted.owner
    owner.sessions.add(session)
    texts = {"message": _LONG, "training_data": _LONG_DATA}
    body = {"session_id": session, **{name: text.format(canary=planted.canary) for name, text in texts.items()}}
    async with api.stream("/api/chat/stream/", body, owner.token) as reply:
        if reply.status_code != 200 or not await _began(reply):
            return [], [], "the model gave no reply that could have been disturbed"
        kinds = {"session": session, "reply": reply.headers["X-Message-Id"]}
        answers = await _answers(api, todo, intruder, planted, kinds)
        status = await _status(api, owner, session)
        await api.call("POST", f"/api/chat/conversation/{session}/stop/", token=owner.token)
    if status in {"streaming", "complete"}:
        return answers, [], "" if status == "streaming" else "each reply was complete before all was tried"
    return answers, [f"the owner's running reply is {status} now"], ""


async def _began(reply: httpx.Response) -> bool:
    async for line in reply.aiter_lines():
        if '"text-delta"' in line:
            return True
    return False


async def _status(api: Client, owner: Person, session: str) -> str:
    """Of the owner's reply; `gone` when there is none any more."""
    answer = await api.call("GET", f"/api/chat/conversation/{session}/", token=owner.token)
    messages = answer.json().get("messages") or [{"status": "gone"}]
    return str(messages[-1]["status"])
