"""What an API key looks like: `csms_<id>_<secret>`, so that scanners find it in public code, and we in our own logs."""

from __future__ import annotations

import re

PREFIX = "csms_"
FORM = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{16}})_(?P<secret>[0-9a-f]{{64}})")
