"""The admin pages of sessions and id tokens, and the dashboard."""

from sessions_app.admin import id_tokens, local_lists, sessions

__all__ = ["id_tokens", "local_lists", "sessions"]
