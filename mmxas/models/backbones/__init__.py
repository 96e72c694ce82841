"""Backbones that mmpose does not have; its own (ResNet, HRNet, ...) work through the same registry."""
from mmxas.models.backbones.timm_backbone import XASTimmBackbone

__all__ = ['XASTimmBackbone']
