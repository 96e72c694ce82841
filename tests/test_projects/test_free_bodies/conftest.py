"""The builders lie in a folder of scripts, which is no installed package."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'projects/free_bodies'))
