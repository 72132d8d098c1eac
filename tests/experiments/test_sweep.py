"""What a sweep expands to, and what it refuses."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn import Recipe
from experiments import Sweep, SweepError, Where, read_plan


def test_a_grid_is_every_combination_with_every_seed() -> None:
    sweep = Sweep(learning_rate=(0.01, 0.1), batch=(1, 16), filters=(2,), seeds=(7, 8))
    wanted = [
        Recipe(seed=seed, filters=2, batch=batch, learning_rate=rate)
        for batch in (1, 16)
        for rate in (0.01, 0.1)
        for seed in (7, 8)
    ]
    assert [*sweep.recipes] == wanted


def test_a_list_takes_the_first_with_the_first_and_a_single_value_with_all() -> None:
    sweep = Sweep(
        learning_rate=(0.01, 0.1), batch=(1, 16), hidden=(20,), seeds=(3, 4), combine="list"
    )
    wanted = [
        Recipe(seed=seed, hidden=20, batch=batch, learning_rate=rate)
        for batch, rate in ((1, 0.01), (16, 0.1))
        for seed in (3, 4)
    ]
    assert [*sweep.recipes] == wanted


def test_an_epoch_is_as_many_steps_as_there_are_batches() -> None:
    sweep = Sweep(batch=(1, 16), epochs=2)
    assert sweep.length(Recipe(batch=1), 4_000) == 8_000
    assert sweep.length(Recipe(batch=16), 4_001) == 2 * 251
    assert Sweep(epochs=None, steps=77).length(Recipe(), 4_000) == 77
    with pytest.raises(SweepError, match="epochs of 60,000 images are 60,000,000 steps"):
        Sweep(epochs=1_000).length(Recipe(), 60_000)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learning_rate = [0.1, -1]", "learning_rate is a number above 0"),
        ("learning_rate = [0.1, 0.1]", "learning_rate holds 0.1 twice"),
        ("learning_rate = ['fast']", "learning_rate holds numbers"),
        ("learning_rate = [[[1, 0.1], [500, 0.01]]]", "a rate for all steps of a run"),
        ("learning_rate = []", "learning_rate is a list of 1 to 200 values"),
        ("filters = 9", "filters is a whole number from 1 to 8"),
        ("batch = [1, 0]", "batch is a whole number"),
        ("hidden = true", "hidden is a whole number"),
        ("seeds = -1", "seed is a whole number"),
        ("epochs = 0", "epochs is a whole number from 1 to 1,000"),
        ("epochs = 1\nsteps = 5", "either epochs or steps"),
        ("combine = 'all'", "combine is 'grid' or 'list'"),
        (
            "combine = 'list'\nbatch = [1, 2]\nhidden = [1, 2, 3]\nlearning_rate = 0.1",
            "batch 2, hidden 3",
        ),
        ("combine = 'list'\nbatch = [1, 1]\nlearning_rate = 0.1", "same setting twice"),
        ("data = 'a b'", "data is a name"),
        ("speed = 3", "no field 'speed'"),
        ("processes = 0", "processes is a whole number from 1 to 256"),
        ("scheduler = 3", "scheduler is a text"),
        ("seeds = [0", "not valid TOML"),
        ("seeds = " + str([*range(101)]) + "\nlearning_rate = [0.1, 0.2]\n", "202 runs"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SweepError, match=sentence) as refused:
        read_plan(text)
    assert str(refused.value).count(". ") == 0


def test_a_plan_says_what_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCH_IT_LEARN_SCHEDULER", "tcp://a:1")
    assert read_plan("").where.scheduler == "tcp://a:1"
    plan = read_plan('learning_rate = 0.5\nsteps = 10\nprocesses = 3\nscheduler = "tcp://b:2"\n')
    assert plan.where == Where(3, "tcp://b:2")
    assert plan.sweep == Sweep(learning_rate=(0.5,), epochs=None, steps=10)


@given(
    st.lists(st.floats(1e-6, 10), min_size=1, max_size=6, unique=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
    st.one_of(st.none(), st.integers(1, 1_000)),
)
def test_toml_there_and_back(rates: list[float], seeds: list[int], steps: int | None) -> None:
    sweep = Sweep(tuple(rates), seeds=tuple(seeds), epochs=None if steps else 1, steps=steps)
    assert Sweep.from_values(tomllib.loads(sweep.to_toml())) == sweep
    assert read_plan(sweep.to_toml()).sweep == sweep
