"""What this process has served, as plain numbers; `/metrics` shows them.

On the way of a frame a number in a dictionary is raised, and nothing else: no lock, no label object. The event loop's
thread alone raises them.
"""

from __future__ import annotations

from collections import Counter

CALLS: Counter[str] = Counter()  # by action; only those with a handler, so that no station invents names
CALL_ERRORS: Counter[str] = Counter()  # by code
REFUSALS: Counter[int] = Counter()  # handshakes, by HTTP status
COMMANDS: Counter[str] = Counter()  # that have ended, by state
