"""Tags in a form: a line of words with commas instead of a list in JSON."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

MAX_TAGS = 20
MAX_TAG_LENGTH = 40


class TagsField(forms.CharField):
    """Edits a list of strings as `fast, car park, north`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextInputWidget())
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(tag) for tag in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        words = (word.strip() for word in str(value or "").split(","))
        return list(dict.fromkeys(word for word in words if word))

    def validate(self, value: Any) -> None:
        if len(value) > MAX_TAGS or any(len(tag) > MAX_TAG_LENGTH for tag in value):
            raise forms.ValidationError(f"Use at most {MAX_TAGS} tags of at most {MAX_TAG_LENGTH} characters.")

    def run_validators(self, value: Any) -> None:
        """Do nothing: the validators of a text field do not understand a list."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data)
