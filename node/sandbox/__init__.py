"""A whole network on one machine, filled with invented cases: for demonstrations, exercises and benchmarks."""
