"""From a drawn skeleton to the outline of the whole body."""
from .physique_network import PhysiqueNetwork, physique_state_from_released

__all__ = ['PhysiqueNetwork', 'physique_state_from_released']
