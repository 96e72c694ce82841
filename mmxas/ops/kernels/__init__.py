"""Fast forms of operators, and memory tuned for a CPU or a GPU; the mathematics is in the folder above."""
