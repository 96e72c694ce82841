"""What the builders of the shipped data share: mesh work, the sources' file formats, reproducible archives.

Only the programs beside this package, and ``dog_building``, import it; mmxas never does. It needs numpy and scipy only.
"""
