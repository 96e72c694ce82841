"""The registries: what is in which, and that it is found from mmpose's scope."""
import importlib
import pkgutil

import mmpose.registry
import pytest
from mmengine.registry import DefaultScope

import mmxas
from mmxas import registry

OWN = {'BODY_MODELS': 'SMPLBodyModel', 'POSE_SOURCES': 'TruncatedGaussianPrior', 'CAMERAS': 'SampledCamera',
       'APPEARANCES': 'PartSegmentation', 'LIGHTS': 'RandomLight', 'BACKGROUNDS': 'PhotoBackground',
       'RENDERERS': 'EmbreeRenderer', 'SEGMENTERS': 'GrabCutSegmenter'}


def _components() -> list[tuple[str, str, type]]:
    """(registry, registered name, class) of everything that mmxas registers."""
    return [(kind, name, cls) for kind in registry.__all__ for name, cls in getattr(registry, kind).module_dict.items()
            if cls.__module__.startswith('mmxas.')]


def test_kinds_that_mmpose_has_are_mmpose_s_own_registries():
    for kind in set(registry.__all__) - set(OWN):
        assert getattr(registry, kind) is getattr(mmpose.registry, kind)
        assert any(where == kind for where, _, _ in _components()), f'{kind}: nothing of mmxas is in it'


@pytest.mark.parametrize(('kind', 'name'), OWN.items())
def test_own_kinds_are_found_from_mmpose_s_scope(kind, name):
    own = getattr(registry, kind)
    with DefaultScope.overwrite_default_scope('mmpose'):
        assert own.get(name).__name__ == name
        assert own.get(f'mmpose.{name}') is own.get(name)
        with pytest.raises(KeyError, match='NoSuchThing is not in'):
            own.build(dict(type='NoSuchThing'))


def test_every_component_registers_under_its_class_name_and_describes_itself():
    components = _components()
    assert len(components) > 40
    other = {(kind, name) for kind, name, cls in components if name != cls.__name__}
    assert other == {('LIGHTS', 'OneOf'), ('BACKGROUNDS', 'OneOf')}, 'a choice is called alike in each registry'
    assert [name for _, name, cls in components if not (cls.__doc__ or '').strip()] == []


def test_a_component_is_exported_by_the_package_it_lives_in():
    """So that ``from mmxas.models.heads import MultiHypothesisHead`` works for each of them."""
    hidden = [cls.__qualname__ for _, name, cls in _components()
              if not hasattr(importlib.import_module(cls.__module__.rpartition('.')[0]), name)]
    assert hidden == []


def test_what_a_component_takes_is_what_its_constructors_pass_on():
    takes = registry.component_takes
    assert takes('MocapHuman', 'skeleton', (registry.METRICS, registry.DATASETS)), 'by three bases'
    assert not takes('MixedDataset', 'skeleton', (registry.DATASETS, )) and takes(dict, 'x', ()) is False
    assert not takes('GCNDiscriminator', 'norms', (registry.MODELS, ))
    assert not takes('NobodyKnows', 'skeleton', (registry.DATASETS, ))


def test_importing_mmxas_registers_everything():
    """No module with a registered class is left to be imported by somebody else."""
    before = {name for _, name, _ in _components()}
    for module in pkgutil.walk_packages(mmxas.__path__, 'mmxas.'):
        importlib.import_module(module.name)
    assert {name for _, name, _ in _components()} == before
