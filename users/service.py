"""What a person can do with their account."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from safycore_backend import security_log
from safycore_backend.cache import process_cache, tell
from safycore_backend.carried import carried, carried_through
from safycore_backend.doors import door
from safycore_backend.errors import ApiError, InvalidInput, NotAuthenticated
from safycore_backend.security_log import hashed
from users import auth_api, limits
from users.authentication import forget_sessions
from users.domain import Person, SignedIn
from users.errors import AuthUnavailable, InvalidCredentials, LinkNotValid
from users.pacing import Pace, unhurried_refusals
from users.passwords import refuse_own_address
from users.profiles import delete_profile
from users.recovery import tried_again_with, unsealed
from users.tokens import Verified, verifier

log = structlog.get_logger(__name__)
_WRONG_PASSWORD = {"current_password": ["This is not your current password."]}


async def sign_up(email: str, password: str) -> SignedIn:
    """Raises what auth_api.sign_up does; only an account that is made and open at once is answered at once."""
    refuse_own_address(password, email, "password")
    await limits.count("LIMIT_SIGNUP_PER_ACCOUNT", email.casefold())
    async with unhurried_refusals() as pace:
        result = await auth_api.sign_up(email, password)
    if result.access_token is None:
        await pace.rest()
    return result


async def sign_in(email: str, password: str) -> SignedIn:
    """Raises InvalidCredentials for every reason, after a time that tells none."""
    await limits.count("LIMIT_LOGIN_PER_ACCOUNT", email.casefold())
    async with unhurried_refusals():
        try:
            return await auth_api.sign_in(email, password)
        except InvalidCredentials:
            _note_wrong_password("sign_in", email)
            raise


def _note_wrong_password(where: str, email: str) -> None:
    security_log.refused("sign_in_refused", by="door", door=where, account=hashed(email.casefold()))


async def refresh(refresh_token: str) -> SignedIn:
    """A new pair. Whose token it is turns out only then, so that an account over its limit waits with its next one."""
    user_id: str | None = await process_cache().aget(_held_back(refresh_token))
    if user_id is not None:
        await _refuse_held_back(user_id)
    result = await auth_api.refresh(refresh_token)
    await _hold_back(result)
    return result


async def _refuse_held_back(user_id: str) -> None:
    standing = await limits.standing("LIMIT_REFRESH_PER_ACCOUNT", user_id)
    if standing.used >= standing.most:
        raise limits.reached("LIMIT_REFRESH_PER_ACCOUNT", user_id, standing)


async def _hold_back(result: SignedIn) -> None:
    """Count the renewal; when it was the last of its window, mark the token that it gave."""
    if result.user_id is None or result.refresh_token is None:
        return
    standing = await limits.add("LIMIT_REFRESH_PER_ACCOUNT", result.user_id, 1)
    if standing.used >= standing.most:
        await tell(_held_back(result.refresh_token), result.user_id, standing.reset)


def _held_back(refresh_token: str) -> str:
    return f"held:{hashlib.sha256(refresh_token.encode('utf-8', 'surrogatepass')).hexdigest()}"


async def sign_out(person: Person) -> None:
    """End this session."""
    await _end_sessions(person, "local")


async def ask_for_reset(email: str) -> None:
    """Have a mail sent, and return at a time of its own: sending may take as long as it likes."""
    await limits.count("LIMIT_MAIL_PER_ACCOUNT", email.casefold())
    pace = Pace()
    sending = carried(_reset_mail_failure(email))
    # Without a minimum there is nothing to hide, and the mail is waited for.
    await asyncio.wait([sending], timeout=pace.left or None)
    await pace.rest()
    failure = sending.result() if sending.done() else None
    if failure is not None:
        raise failure


async def _reset_mail_failure(email: str) -> AuthUnavailable | None:
    """Sends it; returns what nobody may still be there to catch."""
    try:
        await auth_api.send_reset_mail(email)
    except AuthUnavailable as error:
        return error
    return None


async def reset_password(
    new_password: str,
    *,
    token_hash: str | None = None,
    recovery_token: str | None = None,
    access_token: str | None = None,
) -> None:
    """Set a password by what a reset mail led to, one of the three, and end every session.

    Raises LinkNotValid. What refuses the password after the link was used up carries a `recovery_token`.
    """
    if access_token is not None:
        await carried_through(_reset_by_session(access_token, new_password))
    elif recovery_token is not None:
        await carried_through(_reset_once_opened(unsealed(recovery_token), new_password))
    elif token_hash is not None:
        await carried_through(_reset_by_link(token_hash, new_password))
    else:
        raise LinkNotValid


async def _reset_by_session(access_token: str, new_password: str) -> None:
    """No other kind of session than that of a mailed link sets a password without the old one."""
    verified = await _verified(access_token)
    if not verified.only_recovers:
        raise LinkNotValid
    await _set_recovered(verified.person, new_password)


async def _reset_by_link(token_hash: str, new_password: str) -> None:
    await limits.count("LIMIT_LOGIN_PER_ACCOUNT", token_hash)
    access_token = (await auth_api.open_recovery_session(token_hash)).access_token
    if access_token is None:
        raise LinkNotValid
    await _reset_once_opened(access_token, new_password)


async def _reset_once_opened(access_token: str, new_password: str) -> None:
    """By a session that a link has opened here; nobody else has its tokens."""
    with tried_again_with(access_token):
        try:
            await _set_recovered((await _verified(access_token)).person, new_password)
        except NotAuthenticated as exc:
            raise LinkNotValid from exc


async def _set_recovered(person: Person, new_password: str) -> None:
    await limits.count("LIMIT_LOGIN_PER_ACCOUNT", person.id)
    refuse_own_address(new_password, person.email, "new_password")
    await auth_api.set_password(person.claims.token, new_password)
    await _end_sessions(person, "global")
    security_log.happened("password_changed", how="reset", person=hashed(person.id))


async def _end_sessions(person: Person, scope: str) -> None:
    """Here and on every other instance. Even where the answer is lost: what has not ended is found to stand."""
    try:
        await auth_api.sign_out(person.claims.token, scope)
    finally:
        await forget_sessions(person.id)


async def change_password(person: Person, current: str, new: str) -> None:
    """Raises InvalidInput for a wrong current password. The person's other sessions end, this one stays."""
    refuse_own_address(new, person.email, "new_password")
    await carried_through(_change_password(person, current, new))


async def _change_password(person: Person, current: str, new: str) -> None:
    fresh = await _proved(person, current, _WRONG_PASSWORD)
    async with _ended_on_failure(fresh):
        await auth_api.set_password(person.claims.token, new)
    await _end_sessions(person, "others")
    security_log.happened("password_changed", how="old_password", person=hashed(person.id))


async def delete_account(person: Person, password: str) -> dict[str, int]:
    """Everything a person has, gone: how many rows went, per table. Raises InvalidInput for a wrong password."""
    return await carried_through(_delete_account(person, password))


async def _delete_account(person: Person, password: str) -> dict[str, int]:
    fresh = await _proved(person, password, {"password": ["This is not your password."]})
    async with _ended_on_failure(fresh):
        gone: dict[str, int] = await door().call(fresh.claims, "delete_account", {})
    gone |= await delete_profile(person)
    await forget_sessions(person.id)
    security_log.happened("account_deleted", person=hashed(person.id), **gone)
    return gone


async def _proved(person: Person, password: str, otherwise: dict[str, list[str]]) -> Person:
    """The person by a sign-in of this moment, which the password has just paid for.

    Tries are counted by the view, for the person: strangers who try the address at the door keep nobody from this.
    """
    try:
        fresh = await auth_api.sign_in(person.email or "", password)
    except InvalidCredentials as exc:
        _note_wrong_password("account", person.email or "")
        raise InvalidInput(fields=otherwise) from exc
    verified = await _verified(fresh.access_token or "")
    if verified.person.id != person.id:
        raise InvalidInput(fields=otherwise)
    return verified.person


@asynccontextmanager
async def _ended_on_failure(fresh: Person) -> AsyncIterator[None]:
    """A session that was opened for one step, and whose tokens nobody holds, does not stay open when that fails."""
    try:
        yield
    except ApiError:
        await auth_api.sign_out(fresh.claims.token, "local")
        raise


async def _verified(access_token: str) -> Verified:
    return await verifier().verify(access_token)
