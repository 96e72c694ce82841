"""From a drawn skeleton to the outline of the whole body."""
from .physique_network import PhysiqueNetwork

__all__ = ['PhysiqueNetwork']
