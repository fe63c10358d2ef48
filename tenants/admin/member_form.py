"""Adding a member: somebody who has an account already, or somebody new."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from tenants.context import require_tenant
from tenants.models import Membership, User


class NewMemberForm(forms.ModelForm):
    """A member of the tenant in force. It says nothing about an existing account but that the name is known."""

    username = forms.CharField(
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        help_text="Of an existing account, or of a new one.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}),
        help_text="Only for a new account; somebody who has one keeps their password.",
    )

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_username(self) -> str:
        return str(User.normalize_username(self.cleaned_data["username"]))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        username = cleaned.get("username")
        if username:
            user = User.objects.filter(username=username).first()
            if user is None:
                self._check_new(username, cleaned.get("password", ""))
                user = User(username=username)
            else:
                self._check_existing(user, cleaned.get("password", ""))
            self.instance.user = user
            self.instance.tenant_id = require_tenant()
        return cleaned

    def _check_new(self, username: str, password: str) -> None:
        if not password:
            self.add_error("password", "There is no account of this name: give it a password, or correct the name.")
            return
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            self.add_error("password", error)

    def _check_existing(self, user: User, password: str) -> None:
        if user.membership_in(require_tenant()) is not None:
            self.add_error("username", "This account is a member already: change its role in the list.")
        elif password:
            self.add_error("password", "An account of this name exists: leave the password empty to add it.")
