"""Benchmarks: `make bench` runs them all, writes bench/results and the table in the README."""
