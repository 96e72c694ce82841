"""Backbones in addition to mmpose's (ResNet, HRNet, ...), in the same registry."""
from mmxas.models.backbones.timm_backbone import XASTimmBackbone

__all__ = ['XASTimmBackbone']
