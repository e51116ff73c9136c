"""Mutants that change nothing anybody could notice, each with the reason. One that is noticed must leave this list."""

_NO_SESSION_OF_NOBODY = (
    "caller() asks whether there is a user, and then whether their session is live. Without a user no session is, for "
    "session_is_live() compares with the user: the first question only says it plainly, and spares a look-up."
)
_OWNER_MAY_ALL = (
    "The functions' owner may delete in every table of the embedded database; on a hosted project, where it may not, "
    "the question keeps the deletion of an account from failing."
)
EQUIVALENTS = {
    "safycore.caller: safycore.uid() is null → false": _NO_SESSION_OF_NOBODY,
    "safycore.caller: safycore.uid() → 'a11ce000-0000-4000-8000-000000000001'::uuid": _NO_SESSION_OF_NOBODY,
    "public.regenerate_turn: not superseded → true": (
        "Sets superseded where it is set already: the row comes out the same, and costs a write."
    ),
    "safycore.forget_in_audit_log: pg_catalog.has_table_privilege(c.oid, 'select') → true": _OWNER_MAY_ALL,
    "safycore.forget_in_audit_log: pg_catalog.has_table_privilege(c.oid, 'delete') → true": _OWNER_MAY_ALL,
}
