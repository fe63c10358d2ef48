"""The admin pages of sessions and id tokens, and the dashboard."""

from sessions_app.admin import id_tokens, sessions

__all__ = ["id_tokens", "sessions"]
