"""/api/auth/*."""

from dataclasses import asdict
from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from safycore_backend.api import AsyncAPIView, parsed
from users import reference, serializers, service
from users.authentication import person_of
from users.domain import SignedIn
from users.limits import per_address, per_person
from users.profiles import profile_of, set_default_session

_CONFIRM = "If this address can have an account, a mail with a link is on its way. Follow it, then sign in."


def _signed_in(result: SignedIn, message: str) -> dict[str, Any]:
    fields = asdict(result)
    return {
        "message": message,
        "user": {"id": fields.pop("user_id"), "email": fields.pop("email")},
        **fields,
    }


class SignupView(AsyncAPIView):
    permission_classes = [AllowAny]
    limits = (per_address("LIMIT_SIGNUP_PER_ADDRESS"),)

    @reference.sign_up
    async def post(self, request: Request) -> Response:
        """Make an account. The tokens are null where the project asks for confirmation of the address."""
        body = parsed(serializers.SignupRequest, request.data)
        result = await service.sign_up(body["email"], body["password"])
        message = "Welcome." if result.access_token else _CONFIRM
        return Response(_signed_in(result, message), status=201)


class LoginView(AsyncAPIView):
    permission_classes = [AllowAny]
    limits = (per_address("LIMIT_LOGIN_PER_ADDRESS"),)

    @reference.sign_in
    async def post(self, request: Request) -> Response:
        """Sign in."""
        body = parsed(serializers.LoginRequest, request.data)
        return Response(_signed_in(await service.sign_in(body["email"], body["password"]), "Signed in."))


class RefreshView(AsyncAPIView):
    permission_classes = [AllowAny]
    limits = (per_address("LIMIT_REFRESH_PER_ADDRESS"),)

    @reference.renew_tokens
    async def post(self, request: Request) -> Response:
        """Change a refresh token for a new pair; each works once."""
        body = parsed(serializers.RefreshRequest, request.data)
        return Response(_signed_in(await service.refresh(body["refresh_token"]), "Renewed."))


class LogoutView(AsyncAPIView):
    asks_for_session = True

    @reference.sign_out
    async def post(self, request: Request) -> Response:
        """End this session: its tokens are refused from now on, on every instance."""
        await service.sign_out(person_of(request))
        return Response({"message": "Signed out."})


class ProfileView(AsyncAPIView):
    asks_for_session = True

    @reference.get_profile
    async def get(self, request: Request) -> Response:
        """Who you are."""
        return Response({"user": await profile_of(person_of(request))})

    @reference.update_profile
    async def patch(self, request: Request) -> Response:
        """Set or clear `default_session_id`; nothing else can be changed here."""
        body = parsed(serializers.ProfilePatch, request.data)
        if "default_session_id" not in body:
            return await self.get(request)
        return Response({"user": await set_default_session(person_of(request), body["default_session_id"])})


class PasswordResetView(AsyncAPIView):
    permission_classes = [AllowAny]
    limits = (per_address("LIMIT_LOGIN_PER_ADDRESS"),)

    @reference.ask_for_password_reset
    async def post(self, request: Request) -> Response:
        """Ask for a mail with a link to a new password. The answer is the same for every address."""
        body = parsed(serializers.PasswordResetRequest, request.data)
        await service.ask_for_reset(body["email"])
        return Response({"message": "If this address has an account, a mail with a link is on its way."})


class PasswordResetConfirmView(AsyncAPIView):
    permission_classes = [AllowAny]
    limits = (per_address("LIMIT_LOGIN_PER_ADDRESS"),)

    @reference.confirm_password_reset
    async def post(self, request: Request) -> Response:
        """Set a new password by the link of the mail. Every session of the account ends."""
        body = parsed(serializers.PasswordResetConfirmRequest, request.data)
        await service.reset_password(
            body["new_password"],
            token_hash=body.get("token_hash"),
            recovery_token=body.get("recovery_token"),
            access_token=body.get("access_token"),
        )
        return Response({"message": "The password is changed. Sign in with the new one."})


class ChangePasswordView(AsyncAPIView):
    asks_for_session = True
    limits = (per_person("LIMIT_LOGIN_PER_ACCOUNT"),)

    @reference.change_password
    async def post(self, request: Request) -> Response:
        """Change the password. Your other sessions end; this one stays."""
        body = parsed(serializers.ChangePasswordRequest, request.data)
        await service.change_password(person_of(request), body["current_password"], body["new_password"])
        return Response({"message": "The password is changed, and your other sessions have ended."})


class AccountView(AsyncAPIView):
    asks_for_session = True
    limits = (per_person("LIMIT_LOGIN_PER_ACCOUNT"),)

    @reference.delete_account
    async def delete(self, request: Request) -> Response:
        """Delete the account and everything in it. The receipt counts the rows that went, per table."""
        body = parsed(serializers.DeleteAccountRequest, request.data)
        gone = await service.delete_account(person_of(request), body["password"])
        return Response({"message": "The account and everything in it is gone.", "deleted": gone})
