"""What tests/bench/run and tests/crash/run are made of: Python's standard library only."""
