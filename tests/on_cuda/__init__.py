"""What runs on a GPU: on imagined ones in the suite, on a real one by ``make test-cuda``."""
