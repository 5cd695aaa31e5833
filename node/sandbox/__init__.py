"""A whole network on one machine, filled with invented cases: for exercises and benchmarks."""
