"""Random frames against the product: `make fuzz` runs them for long, every test run for a while."""
