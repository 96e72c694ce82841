"""Operators and memory allocation optimised for a CPU or GPU; the mathematics is in :mod:`mmxas.ops`."""
