"""Every parity file has its test; the tests themselves stand with the code that they check."""
from pathlib import Path

# File name to the test files that read it.
TESTED_IN = {
    'decode.npz': ['test_ops/test_decoding.py'],
    'skeleton_mask.npz': ['test_ops/test_skeleton_drawing.py'],
    'gcn_discriminator.npz': ['test_models/test_discriminators/test_gcn_discriminator.py'],
    'physique_network.npz': ['test_models/test_physique/test_physique_network.py'],
    'losses.npz': ['test_ops/test_mask_loss.py', 'test_ops/test_lsgan.py', 'test_ops/test_symmetry.py'],
    'geometry.npz': ['test_ops/test_geometry.py'],
    'metrics.npz': ['test_ops/test_pose_metrics.py'],
    'official_checkpoint_layout.json': ['test_models/test_conversion/test_released_names.py'],
}


def test_parity_files_are_all_tested(parity_dir: Path) -> None:
    found = {path.name for path in parity_dir.iterdir() if path.suffix in ('.npz', '.json')}
    assert found <= set(TESTED_IN), f'no test reads {sorted(found - set(TESTED_IN))}'


def test_parity_tests_read_their_files() -> None:
    for name, tests in TESTED_IN.items():
        for test in tests:
            assert f"parity('{name}')" in (Path(__file__).parent / test).read_text(encoding='utf-8')
