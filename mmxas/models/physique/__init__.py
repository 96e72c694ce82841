"""Network that maps a drawn skeleton to the mask of the whole body."""
from .physique_network import PhysiqueNetwork

__all__ = ['PhysiqueNetwork']
