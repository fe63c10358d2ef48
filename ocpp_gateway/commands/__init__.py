"""What we ask of a station: one file per verb, all OCPP versions side by side; the table is the coverage list."""

from ocpp_gateway.commands import remote_start, reset
from ocpp_gateway.commands.verb import Verb
from ocpp_gateway.protocol.versions import OcppVersion

VERBS: dict[str, Verb] = {verb.name: verb for verb in (remote_start.VERB, reset.VERB)}


def verb_of_action(version: OcppVersion, action: str) -> Verb | None:
    """Return the verb that a version calls by this action."""
    return next((verb for verb in VERBS.values() if verb.actions.get(version) == action), None)
