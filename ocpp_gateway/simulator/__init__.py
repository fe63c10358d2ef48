"""A fleet of believable OCPP 1.6J stations, for demonstrations, load and tests; `manage.py simulate` runs it.

From the bottom upwards: `battery` and `meter` are the physics, `clock` the stations' time; `wire` speaks
OCPP-J on one connection, `backlog` keeps transaction messages while offline, `uplink` keeps it connected;
`connector`, `charging` and `station` are what a driver sees; `commands` answers the central system, with `triggers`,
`smart_charging` and `charging_profiles`, `reservations`, `local_list`, `firmware`, `uploads` and `certificates`;
`fleet` runs many stations and `progress` shows them. Nothing here imports Django.
"""
