"""Evaluate the weights on real photos: ``python -m benchmarks.real_photos`` (docs/real_photos.md)."""
