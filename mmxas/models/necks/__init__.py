"""Necks between backbone and head."""
from mmxas.models.necks.facing_fusion_neck import FacingFusionNeck
from mmxas.models.necks.sum_fusion_neck import SumFusionNeck

__all__ = ['FacingFusionNeck', 'SumFusionNeck']
