"""Errors the API shows to people: one class, a code a program can test, a text a person can act on."""

from __future__ import annotations


class CsmsError(Exception):
    """A request that cannot be served; rendered as RFC 9457 problem+json in `csms.problems`.

    Attributes:
        code: a stable word for programs, for example `charge_point_limit`.
        http_status: the status of the HTTP answer.
        retry_after: seconds until a retry may succeed, sent as `Retry-After`.
    """

    code = "error"
    http_status = 400
    retry_after: int | None = None

    def __init__(self, detail: str, *, code: str | None = None, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code
        if http_status is not None:
            self.http_status = http_status


class StorageUnavailable(CsmsError):
    """MongoDB did not take a write or answer a read within the time allowed; nothing was acknowledged."""

    code = "storage_unavailable"
    http_status = 503
    retry_after = 5


class Conflict(CsmsError):
    """The request collides with what is stored."""

    code = "conflict"
    http_status = 409
