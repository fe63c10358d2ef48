"""Reproducible load figures: this central system beside a bare `ocpp` + `websockets` server.

Run it with `make bench` or `python -m bench`. The parts, from the wire upwards:

- `frames`, `dial`, `driver`: WebSocket frames, upgrades and a bare epoll loop that plays many stations;
- `scripts`: what the stations say; `load`: the process that runs them;
- `yardstick`: the bare server; `servers`, `stack`: everything that is started and stopped again;
- `scenarios`, `rounds`: what is measured, in which order; `stored`: what MongoDB holds afterwards;
- `results`, `chart`: `bench/results/latest.json` and `latest.png`.
"""
