import numpy as np
import pytest
from body_model_building.phenotypes import sample_phenotype, solve_height


def stature(phenotype) -> float:
    return 1.45 + 0.55 * phenotype.height - 0.05 * phenotype.gender


@pytest.mark.parametrize(('gender', 'mean', 'blends'), [
    ('male', 1.757, (0, 0.12)), ('female', 1.638, (0.88, 1)), ('neutral', 1.698, (0, 1))])
def test_statures_of_a_population(gender, mean, blends):
    rng = np.random.default_rng(0)
    people = [sample_phenotype(gender, rng, stature) for _ in range(800)]
    assert np.mean([stature(person) for person in people]) == pytest.approx(mean, abs=0.01)
    assert all(blends[0] <= person.gender <= blends[1] for person in people)
    assert all(0 <= value <= 1 for person in people for value in person[:8])
    assert people[0] == sample_phenotype(gender, np.random.default_rng(0), stature)


def test_heights_stay_in_reach():
    person = sample_phenotype('male', np.random.default_rng(0), stature)
    assert stature(person._replace(height=solve_height(person, 1.8, stature))) == pytest.approx(1.8)
    assert solve_height(person, 3.0, stature) == 1 and solve_height(person, 1.0, stature) == 0
