"""A tenant of any size goes through the memory of a small process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tenants.clients import sync_client
from tenants.routing import database_name
from tests.isolation.belongings import Belongings
from tests.serving import ROOT

DOCUMENT = b"x" * 250_000
DOCUMENTS = 800
MIB = 1024 * 1024
# Pieces of 16 MiB, a few of them at a time.
MOST = 110 * MIB


def peak_of(*words: str) -> int:
    """Return the most memory, in bytes, that a command of manage.py has had."""
    process = subprocess.Popen([sys.executable, "manage.py", *words], cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return usage.ru_maxrss * 1024


@pytest.mark.slow
def test_export_and_import_of_200_megabytes(owned: Belongings, copy_slug: str, tmp_path: Path) -> None:
    small, large = str(tmp_path / "small"), str(tmp_path / "large")
    before = peak_of("export_tenant", owned.company.slug, small)
    chunks: Any = sync_client()[database_name(owned.company.slug)]["log_files.chunks"]
    try:
        for number in range(DOCUMENTS):
            chunks.insert_one({"files_id": "large", "n": number, "data": DOCUMENT})
        exporting = peak_of("export_tenant", owned.company.slug, large)
    finally:
        chunks.delete_many({"files_id": "large"})
    assert Path(large).stat().st_size > DOCUMENTS * len(DOCUMENT)
    importing = peak_of("import_tenant", large, "--slug", copy_slug)

    assert exporting - before < MOST, f"{(exporting - before) / MIB:.0f} MiB more"
    assert importing - before < MOST, f"{(importing - before) / MIB:.0f} MiB more"
