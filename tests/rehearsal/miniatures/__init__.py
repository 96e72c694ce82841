"""Every download in its true layout, with few frames and contents of our own.

Each module writes one archive, and names the public descriptions that its layout is taken from.
"""
