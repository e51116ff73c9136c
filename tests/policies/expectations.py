"""Who may do what. A table, column or function that is not named here fails the checks: decide, then write it down."""

from dataclasses import dataclass
from typing import Any, Literal

from tests.policies.world import ALICE, DOORS

Outcome = Literal["reached", "nothing", "refused"]
# What an attempt on Alice's rows comes to, by who makes it. Roles without a door are refused whoever they claim to be.
AT_A_DOOR: dict[str, dict[str, Outcome]] = {
    "owner": dict.fromkeys(("select", "insert", "update", "delete"), "reached"),
    "somebody else": {"select": "nothing", "insert": "refused", "update": "nothing", "delete": "nothing"},
    "nobody": {"select": "nothing", "insert": "refused", "update": "nothing", "delete": "nothing"},
}


@dataclass(frozen=True)
class Table:
    """`row` is the smallest that can be added; only `given` columns can be set then, only `changed` ones later."""

    row: dict[str, Any]
    given: frozenset[str]
    changed: frozenset[str]


TABLES = {
    "messages": Table(
        row={"user_id": ALICE.id, "session_id": "new", "role": "user"},
        given=frozenset(
            {
                "user_id",
                "session_id",
                "role",
                "content",
                "status",
                "reply_to",
                "client_message_id",
                "request_hash",
                "model",
                "owner",
                "heartbeat_at",
            }
        ),
        changed=frozenset(
            {
                "content",
                "status",
                "finish_reason",
                "usage",
                "error_code",
                "stop_requested",
                "superseded",
                "heartbeat_at",
            }
        ),
    ),
    "training_data": Table(
        row={"user_id": ALICE.id, "session_id": "new", "content": "text"},
        given=frozenset({"user_id", "session_id", "content"}),
        changed=frozenset({"content", "updated_at"}),
    ),
}

SERVER = ("safycore_user",)
OWNER: tuple[str, ...] = ()


@dataclass(frozen=True)
class Routine:
    """Who may call it; whether it turns away people whose session has ended; whether it may act as its owner.

    `across` marks what our server does for everybody at once.
    """

    callers: tuple[str, ...] = DOORS
    asks_for_live_session: bool = True
    definer: bool = False
    across: bool = False


_HELPER = Routine(asks_for_live_session=False)
ROUTINES = {
    "public.add_training_data": Routine(),
    "public.begin_turn": Routine(),
    # A reply that has begun is saved to its end, also when the person signs out meanwhile.
    "public.checkpoint_turn": Routine(asks_for_live_session=False),
    "public.clear_session": Routine(),
    "public.conversation_page": Routine(),
    "public.delete_account": Routine(),
    "public.delete_training_data": Routine(),
    "public.export_messages": Routine(),
    "public.export_training_data": Routine(),
    "public.finish_turn": Routine(asks_for_live_session=False),
    "public.get_message": Routine(),
    "public.list_training_data": Routine(),
    "public.reap_replies": Routine(SERVER, asks_for_live_session=False, definer=True, across=True),
    "public.regenerate_turn": Routine(),
    "public.running_owners": Routine(SERVER, asks_for_live_session=False, definer=True, across=True),
    "public.running_sessions": Routine(),
    "public.running_turn": Routine(),
    "public.session_is_live": Routine(asks_for_live_session=False),
    "public.stop_turn": Routine(),
    "safycore.auth_session_id": _HELPER,
    "safycore.caller": Routine(),
    "safycore.earlier_turn": _HELPER,
    "safycore.forget_in_audit_log": Routine(OWNER, asks_for_live_session=False),
    "safycore.interrupt_dead_replies": _HELPER,
    "safycore.keep_training_data": _HELPER,
    "safycore.lease": _HELPER,
    "safycore.lock_session": _HELPER,
    "safycore.message_json": _HELPER,
    "safycore.number_message": _HELPER,
    "safycore.put_down_reply": _HELPER,
    "safycore.recent_messages": _HELPER,
    "safycore.refusal": _HELPER,
    "safycore.remove_caller": Routine(definer=True),
    "safycore.rfc3339": _HELPER,
    "safycore.session_is_live": Routine(asks_for_live_session=False, definer=True),
    "safycore.set_data_api": Routine(OWNER, asks_for_live_session=False),
    "safycore.training_texts": _HELPER,
    "safycore.uid": _HELPER,
}
# What guards an invariant by its own existence: no function checks it again.
UNIQUE = {
    "idx_messages_user_session",
    "messages_client_message_id",
    "messages_one_running_reply",
    "messages_pkey",
    "training_data_pkey",
    "training_data_same_text_once",
}
TRIGGERS = {("messages", "number_message")}


def constant_argument(name: str) -> Any:
    """What a parameter is given where nothing depends on it. KeyError for one that nobody has thought of."""
    return _CONSTANTS[name]


_CONSTANTS: dict[str, Any] = {
    "moment": "2026-01-01",
    "open": True,
    "p_after": None,
    "p_before": 1_000_000,
    "p_by_lease": True,
    "p_content": "said",
    "p_email": None,
    "p_error_code": None,
    "p_finish_reason": "stop",
    "p_history_max_chars": 10_000,
    "p_history_max_messages": 100,
    "p_limit": 50,
    "p_max_chars": 10_000,
    "p_max_messages": 100,
    "p_max_running": 100,
    "p_model": "model",
    "p_request_hash": "hash",
    "p_status": "complete",
    "p_training_data": "told",
    "p_training_max_chars": 10_000,
    "p_usage": None,
    "p_user_id": ALICE.id,
    "p_versions": True,
}
