"""Networks that distinguish synthetic from detected poses."""
from .gcn_discriminator import GCNDiscriminator
from .mlp_discriminator import MLPDiscriminator

__all__ = ['GCNDiscriminator', 'MLPDiscriminator']
