"""Loops for staged training, validation and testing."""
from .evaluation_loops import XASTestLoop, XASValLoop
from .staged_train_loop import StagedTrainLoop

__all__ = ['StagedTrainLoop', 'XASTestLoop', 'XASValLoop']
