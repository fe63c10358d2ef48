"""Compares every pinned package with the vulnerability database of PyPI; part of `make check`, alone as `make audit`.

Exit code 1 when a pinned version is known to be vulnerable. Where the database cannot be asked, for example offline or
behind a mirror that has packages only, it says so in so many words and exits with 0, or with 1 if AUDIT_REQUIRED=1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PINNED = Path(__file__).with_name("constraints.txt")
SECONDS = 300


def asked() -> tuple[list[dict[str, Any]], str]:
    """Return what the database says of each package, or nothing and why it could not be asked."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "pypi", "--format", "json"]
    options = ["--requirement", str(PINNED), "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    try:
        run = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return [], f"no answer within {SECONDS} s"
    try:
        found: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        lines = run.stderr.strip().splitlines()
        return [], lines[-1] if lines else f"pip-audit ended with {run.returncode}"
    return found, ""


def verdict(packages: list[dict[str, Any]], trouble: str, *, required: bool) -> tuple[int, list[str]]:
    """Return the exit code and what to print."""
    known = [package for package in packages if "skip_reason" not in package]
    holes = [(package, hole) for package in known for hole in package["vulns"]]
    lines = [
        f"{package['name']} {package['version']}: {hole['id']}, repaired in {', '.join(hole['fix_versions']) or 'none'}"
        for package, hole in holes
    ]
    if holes:
        return 1, [*lines, f"{len(holes)} known vulnerabilities: raise the pins in requirements/"]
    if len(known) == len(packages) and known:
        return 0, [f"{len(known)} packages, no known vulnerability"]
    reason = trouble or f"the database knows {len(known)} of {len(packages)} packages"
    return int(required), [f"NOT AUDITED: {reason}. Run `make audit` where https://pypi.org/pypi/ can be reached."]


def main() -> int:
    """Ask, print and return the exit code."""
    code, lines = verdict(*asked(), required=os.environ.get("AUDIT_REQUIRED") == "1")
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
