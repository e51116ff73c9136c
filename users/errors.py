"""What can go wrong at the doors.

ApiError
├── InvalidCredentials      401 invalid_credentials, one answer for every reason
├── SignupRefused           400 signup_refused
├── SignupClosed            403 signup_closed
├── LinkNotValid            400 link_not_valid
├── ReauthenticationNeeded  403 reauthentication_needed
├── MailRefused             429 too_many_requests
└── AuthUnavailable         503 auth_unavailable
"""

from rest_framework import status

from safycore_backend.errors import ApiError, TooManyRequests, Unavailable


class InvalidCredentials(ApiError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "invalid_credentials"
    default_detail = "This address and password do not fit together."


class SignupRefused(ApiError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "signup_refused"
    default_detail = "No account can be made with this address. Sign in, or reset the password."


class SignupClosed(ApiError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "signup_closed"
    default_detail = "This project takes no new accounts at the moment."


class LinkNotValid(ApiError):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "link_not_valid"
    default_detail = "This link is not valid any more. Ask for a new one."


class ReauthenticationNeeded(ApiError):
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "reauthentication_needed"
    default_detail = "You signed in long ago. Sign in again, then change the password."


class MailRefused(TooManyRequests):
    """Supabase sends no mail now: to this address, because it has just sent one, or to anybody."""


class AuthUnavailable(Unavailable):
    default_code = "auth_unavailable"
    default_detail = "The sign-in service does not answer. Try again in a moment."
