"""The official test cases for central systems, over a real socket, driven through REST; see docs/scenarios.md."""
