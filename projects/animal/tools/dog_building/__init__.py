"""How the free dog and its motions are made. Only the programs beside this package import it; mmxas never does.

What it shares with the builders of the other shipped data lies in ``tools/body_model_building``.
"""
import sys
from pathlib import Path

SHARED_TOOLS = Path(__file__).resolve().parents[4] / 'tools'
if str(SHARED_TOOLS) not in sys.path:
    sys.path.append(str(SHARED_TOOLS))
