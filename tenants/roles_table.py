"""The table of roles as people read it: a row per resource, the least role for each deed."""

from __future__ import annotations

from tenants.permissions import CHANGE, CREATE, DELETE, LEAST_ROLE, READ

DEEDS = (READ, CREATE, CHANGE, DELETE)


def roles_table() -> str:
    """Return the table in Markdown, as it stands in docs/security.md."""
    head = ["resource", *DEEDS]
    rows = [[f"`{name}`", *(str(row.get(deed, "")) for deed in DEEDS)] for name, row in sorted(LEAST_ROLE.items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))
