"""What we ask of a station: one file per verb, all OCPP versions side by side; the table is the coverage list."""

from chargepoints.commands import Effect
from chargepoints.station import Station
from ocpp_gateway.commands import (
    cancel_reservation,
    certificate_signed,
    change_availability,
    change_configuration,
    clear_cache,
    clear_charging_profile,
    data_transfer,
    delete_certificate,
    extended_trigger,
    get_composite_schedule,
    get_configuration,
    get_diagnostics,
    get_installed_certificate_ids,
    get_local_list_version,
    get_log,
    install_certificate,
    remote_start,
    remote_stop,
    reserve,
    reset,
    send_local_list,
    set_charging_profile,
    signed_update_firmware,
    trigger,
    unlock,
    update_firmware,
)
from ocpp_gateway.commands.verb import Verb
from ocpp_gateway.protocol.versions import OcppVersion, version_of
from tenants.clients import Document

_MODULES = (
    cancel_reservation,
    certificate_signed,
    change_availability,
    change_configuration,
    clear_cache,
    clear_charging_profile,
    data_transfer,
    delete_certificate,
    extended_trigger,
    get_composite_schedule,
    get_configuration,
    get_diagnostics,
    get_installed_certificate_ids,
    get_local_list_version,
    get_log,
    install_certificate,
    remote_start,
    remote_stop,
    reserve,
    reset,
    send_local_list,
    set_charging_profile,
    signed_update_firmware,
    trigger,
    unlock,
    update_firmware,
)
VERBS: dict[str, Verb] = {module.VERB.name: module.VERB for module in _MODULES}
_BY_ACTION = {(version, action): verb for verb in VERBS.values() for version, action in verb.actions.items()}


def verb_of_action(version: OcppVersion, action: str) -> Verb | None:
    """Return the verb that a version calls by this action."""
    return _BY_ACTION.get((version, action))


def effect_of(station: Station, command: Document) -> Effect | None:
    """Return what the end of a command means for the domain, where it means anything."""
    verb = verb_of_action(version_of(station.ocpp_version), command["action"])
    return verb.effect if verb is not None else None
