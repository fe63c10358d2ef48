"""Real MongoDB, Redis and MQTT servers as child processes, for `make run`, the tests and the benchmark."""
