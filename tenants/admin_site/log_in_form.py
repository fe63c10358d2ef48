"""The log-in form of the admin: password and second factor, with the same limits as at the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from rest_framework.exceptions import Throttled
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.audit.log_ins import record_refusal
from tenants.log_in_limits import login_attempt
from tenants.models import User
from tenants.second_factors import SecondFactorNeeded, WrongSecondFactor, check_second_factor


class MemberLoginForm(AuthenticationForm):
    """Lets in whoever has a membership; REST users and admin users are the same people."""

    otp = forms.CharField(
        label="One-time password",
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget({"autocomplete": "one-time-code", "inputmode": "numeric"}),
        help_text="Only for accounts with a second factor: from your app, or a recovery code.",
    )
    # Set when too many have failed.
    wait_seconds: int | None = None

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username") or "")
        try:
            with login_attempt(self.request, username) as attempt:
                cleaned: dict[str, Any] = super().clean()
                try:
                    self._check_second_factor()
                except SecondFactorNeeded as error:  # the password was right
                    attempt.succeeded()
                    text = "This account has a second factor: enter the one-time password of your app, too."
                    raise ValidationError(text, code=error.code) from None
                attempt.succeeded()
        except Throttled as error:
            self.wait_seconds = int(error.wait or 1)
            minutes = -(-self.wait_seconds // 60)
            raise ValidationError(f"Too many failed log-ins. Try again in {minutes} min.", code="throttled") from None
        except ValidationError as error:
            record_refusal(username, str(error.code))
            raise
        return cleaned

    def _check_second_factor(self) -> None:
        try:
            if self.user_cache is not None:
                check_second_factor(self.user_cache, self.cleaned_data.get("otp", ""))
        except WrongSecondFactor as error:
            text = "The one-time password is wrong or was used before: wait for the next one."
            raise ValidationError(text, code=error.code) from None

    def confirm_login_allowed(self, user: User) -> None:
        if not user.is_active:
            raise self.get_invalid_login_error()
        if not user.is_superuser and not user.memberships.exists():
            raise ValidationError(
                "This account belongs to no tenant. Ask an administrator of your tenant to add it as a member.",
                code="no_membership",
            )
