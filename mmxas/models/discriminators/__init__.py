"""Networks that tell synthetic poses from detected ones."""
from .gcn_discriminator import GCNDiscriminator, discriminator_state_from_released
from .mlp_discriminator import MLPDiscriminator

__all__ = ['GCNDiscriminator', 'MLPDiscriminator', 'discriminator_state_from_released']
