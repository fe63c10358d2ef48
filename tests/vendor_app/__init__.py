"""A user's own app, as `docs/extending.md` describes it: it handles messages of one vendor."""
