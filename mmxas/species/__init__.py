"""Define a new species by data: create a project folder from a body model, and check the parts of a config."""
from .checks import SpeciesChecker, Verdict, check_config
from .derived_skeleton import derive_skeleton
from .new_project import NewProject, write_project

__all__ = ['NewProject', 'SpeciesChecker', 'Verdict', 'check_config', 'derive_skeleton', 'write_project']
