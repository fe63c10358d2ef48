"""`/api/v1/auth`: tokens for people and programs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from csms.api_view import ApiViewMixin
from csms.errors import CsmsError
from csms.fields import MomentField
from tenants.access import (
    Access,
    NoAccess,
    NoMembership,
    SeveralMemberships,
    TenantSuspended,
    access_to,
    default_access,
)
from tenants.audit.log_ins import record_log_in, record_own_deed, record_refusal
from tenants.log_in_limits import login_attempt
from tenants.models import User
from tenants.second_factors import SecondFactorNeeded, check_second_factor
from tenants.tokens import TokenPair, end_log_in, issue_tokens, moment_of_expiry, read_any_token, renew


class WrongCredentials(CsmsError):
    """The user name, the password or the tenant does not fit; which of them is not told."""

    code = "wrong_credentials"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("the user name, the password or the tenant is wrong")


# What is told only to those who have the right password.
_NOT_GUESSED = (NoMembership, SeveralMemberships, TenantSuspended, SecondFactorNeeded)


class LogInSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1024, trim_whitespace=False, style={"input_type": "password"})
    tenant = serializers.CharField(
        max_length=40,
        required=False,
        help_text="The tenant's slug; needed by members of several tenants, optional for a platform superuser.",
    )
    otp = serializers.CharField(
        max_length=40,
        required=False,
        help_text="The one-time password, or a recovery code, of an account with a second factor.",
    )


class TokenPairSerializer(serializers.Serializer):
    access = serializers.CharField(help_text="Sent as `Authorization: Bearer <access>`; valid for minutes.")
    refresh = serializers.CharField(help_text="Buys the next pair, once.")


class RefreshSerializer(serializers.Serializer):
    refresh = serializers.CharField(max_length=4096)


class LogOutSerializer(serializers.Serializer):
    token = serializers.CharField(max_length=4096, help_text="The access or the refresh token of the log-in to end.")
    everywhere = serializers.BooleanField(default=False, help_text="End all log-ins of this user at the API.")


class VerifySerializer(serializers.Serializer):
    token = serializers.CharField(max_length=4096)


class TokenFactsSerializer(serializers.Serializer):
    token_type = serializers.ChoiceField(["access", "refresh"])
    username = serializers.CharField()
    tenant_id = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(["admin", "operator", "viewer", "superuser"])
    expires_at = MomentField()


class TokenView(ApiViewMixin, APIView):
    """The base of what can be asked without a token; failed attempts are counted per address."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    throttle_classes: list[type] = []
    serializer_class: type[serializers.Serializer]

    def post(self, request: Request) -> Response:
        """Answer one attempt; it counts against the address if it fails."""
        body = self.serializer_class(data=request.data)
        body.is_valid(raise_exception=True)
        with login_attempt(request, body.validated_data.get("username", "")) as attempt:
            try:
                answer = self.answer(body.validated_data)
            except CsmsError as error:
                if isinstance(error, _NOT_GUESSED):
                    attempt.succeeded()
                self.refused(body.validated_data, error)
                raise
            attempt.succeeded()
        # Tokens must not stay in a cache on the way (RFC 6749 §5.1).
        return Response(answer, headers={"Cache-Control": "no-store"})

    def answer(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a well-formed request."""
        raise NotImplementedError

    def refused(self, data: dict[str, Any], error: CsmsError) -> None:
        """Take note of a refusal."""


def _log_in(username: str, password: str, tenant: str | None, otp: str) -> Access:
    # Django spends the time of a password check on unknown users too.
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        raise WrongCredentials
    check_second_factor(user, otp)
    if not tenant:
        return default_access(user)
    try:
        return access_to(user, tenant)
    except NoAccess:
        raise WrongCredentials from None


def _shown(pair: TokenPair) -> dict[str, Any]:
    return {"access": pair.access, "refresh": pair.refresh}


class LogInView(TokenView):
    serializer_class = LogInSerializer

    @extend_schema(
        summary="Log in",
        request=LogInSerializer,
        responses=TokenPairSerializer,
        examples=[
            OpenApiExample(
                "A member of one tenant",
                value={"username": "tenant1_admin", "password": "..."},
                request_only=True,
            ),
            OpenApiExample(
                "Naming the tenant",
                value={"username": "ada", "password": "...", "tenant": "tenant1"},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Returns an access token and a refresh token with the claims `tenant_id` and `role`.

        A wrong password, an unknown user and a tenant the user does not belong to get the same 401. A member of
        several tenants who names none gets a 400 that lists them. An account with a second factor needs `otp`, too:
        401 `otp_required` without it.
        """
        return super().post(request)

    def answer(self, data: dict[str, Any]) -> dict[str, Any]:
        access = _log_in(data["username"], data["password"], data.get("tenant"), data.get("otp", ""))
        pair = issue_tokens(access)
        record_log_in(access)
        return _shown(pair)

    def refused(self, data: dict[str, Any], error: CsmsError) -> None:
        if not isinstance(error, SeveralMemberships):
            record_refusal(data["username"], error.code)


class RefreshView(TokenView):
    serializer_class = RefreshSerializer

    @extend_schema(summary="Get new tokens", request=RefreshSerializer, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        """Returns a new access token for the same tenant, with the role as it is now, and the next refresh token.

        A refresh token is good once. If one comes a second time, it has been copied: the whole log-in is ended.
        """
        return super().post(request)

    def answer(self, data: dict[str, Any]) -> dict[str, Any]:
        return _shown(renew(data["refresh"]))


class LogOutView(TokenView):
    serializer_class = LogOutSerializer

    @extend_schema(summary="Log out", request=LogOutSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Ends the log-in that a token belongs to: neither its access nor its refresh token is good any more."""
        answer = super().post(request)
        answer.data, answer.status_code = None, 204
        return answer

    def answer(self, data: dict[str, Any]) -> dict[str, Any]:
        record_own_deed(end_log_in(data["token"], everywhere=data["everywhere"]), "log_out")
        return {}


class VerifyView(TokenView):
    serializer_class = VerifySerializer

    @extend_schema(summary="Check a token", request=VerifySerializer, responses=TokenFactsSerializer)
    def post(self, request: Request) -> Response:
        """Returns whose a token is, or 401 if it is no longer good for anything."""
        return super().post(request)

    def answer(self, data: dict[str, Any]) -> dict[str, Any]:
        token, access = read_any_token(data["token"])
        return {
            "token_type": token["token_type"],
            "username": access.user.get_username(),
            "tenant_id": access.slug,
            "role": access.role,
            "expires_at": MomentField().to_representation(moment_of_expiry(token)),
        }
