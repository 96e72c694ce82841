"""Networks that tell synthetic poses from detected ones."""
from .gcn_discriminator import GCNDiscriminator
from .mlp_discriminator import MLPDiscriminator

__all__ = ['GCNDiscriminator', 'MLPDiscriminator']
