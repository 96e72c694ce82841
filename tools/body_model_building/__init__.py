"""What the builders of the shipped data share: mesh work, the sources' file formats, reproducible archives.

Only the ``tools/build_*.py`` programs import this package; ``mmxas`` itself never does. It needs numpy and scipy only.
"""
