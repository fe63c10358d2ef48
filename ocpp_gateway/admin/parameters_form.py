"""A form of the admin for the parameters of any command, made from what validates them over REST."""

from __future__ import annotations

from typing import Any

from django import forms
from rest_framework import serializers
from rest_framework.fields import empty
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from ocpp_gateway.commands.verb import Parameters, Verb

# A text that may be longer has lines: a certificate, for example.
LONGEST_LINE = 500
_YES_NO = (("true", "Yes"), ("false", "No"))


class ParametersForm(forms.Form):
    """The parameters of one command; they are checked by its serializer, so here only what a browser needs is said."""

    def parameters(self) -> Parameters:
        """Return what was filled in, as the body of the request over REST would say it."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    def add_errors(self, errors: Any) -> None:
        """Show what is wrong at the fields it is about, as the serializer says it."""
        for name, texts in errors.items() if isinstance(errors, dict) else ((None, errors),):
            known = name in self.fields
            text = ", ".join(map(str, texts)) if isinstance(texts, list) else str(texts)
            self.add_error(name if known else None, text if known or name is None else f"{name}: {text}")


class EmptyJSONField(forms.JSONField):
    """Shows nothing where nothing was filled in, instead of `null`."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


def form_of(verb: Verb) -> type[ParametersForm]:
    """Return the form of a command."""
    fields = {name: _form_field(field) for name, field in verb.parameters().fields.items()}
    return type("ParametersForm", (ParametersForm,), fields)


def _form_field(field: serializers.Field[Any, Any, Any, Any]) -> forms.Field:
    known: dict[str, Any] = {"required": field.required, "help_text": str(field.help_text or "").replace("`", "")}
    if field.default is not empty and not callable(field.default):
        known["initial"] = field.default
    if isinstance(field, serializers.BooleanField):
        return _choice(_YES_NO, known | {"initial": str(known.get("initial", "")).lower()})
    if isinstance(field, serializers.ChoiceField):
        return _choice(tuple(field.choices.items()), known)
    if isinstance(field, serializers.IntegerField):
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget(), **known)
    if isinstance(field, serializers.BaseSerializer | serializers.ListField):
        known["help_text"] = f"{known['help_text']} In JSON, as over REST.".strip()
        return EmptyJSONField(widget=UnfoldAdminTextareaWidget(), **{**known, "initial": None})
    if isinstance(field, serializers.DateTimeField):
        known["help_text"] = f"{known['help_text']} As 2026-05-01T12:00:00Z.".strip()
    longest = getattr(field, "max_length", None)
    lines = isinstance(field, serializers.CharField) and (longest is None or longest > LONGEST_LINE)
    return forms.CharField(
        strip=False, widget=UnfoldAdminTextareaWidget() if lines else UnfoldAdminTextInputWidget(), **known
    )


def _choice(choices: tuple[tuple[Any, Any], ...], known: dict[str, Any]) -> forms.Field:
    offered = choices if known["required"] else (("", "–"), *choices)
    return forms.ChoiceField(choices=offered, widget=UnfoldAdminSelectWidget(), **known)
