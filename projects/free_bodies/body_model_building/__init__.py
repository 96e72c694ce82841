"""Shared code of the builders of shipped data: meshes, the sources' file formats, reproducible archives.

Only the scripts next to this package, and ``dog_building``, import it, never mmxas. It needs numpy and scipy only.
"""
