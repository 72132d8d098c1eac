"""Saved runs and sweeps, in JSON lines or TOML, that are almost good: values, or one sentence."""

import io
import json
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import assert_plain, memory_grows_by, mutated
from tally import tries

from cnn import Recipe, Run
from cnn.recipe import MAX_STEPS
from cnn.run_file import RunFileError, digest, read_run, write_run
from data import Digits
from experiments import Outcome, Record, RecordError, Sweep, SweepError, read_plan, read_record
from experiments.outcome import Point


@pytest.fixture(autouse=True, scope="module")
def bounded(digits: Digits) -> Iterator[None]:
    """Two million steps of history are 112 MB, and so is what they are read from."""
    with memory_grows_by(300):
        yield


# ---- Values of every kind, for JSON and TOML ----

NUMBERS = st.one_of(
    st.integers(-2, 10),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31, 2**63, 2**64, 10**400, MAX_STEPS, MAX_STEPS + 1, 1e308, -0.0]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=50), st.just("x" * 100_000)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)

# ---- Saved runs ----


def saved(digits: Digits, **recipe: object) -> bytes:
    images, labels = digits.images[:50], digits.labels[:50]
    run = Run(Recipe(hidden=3, **recipe), images, labels, (images[:9], labels[:9]))
    run.advance(4)
    run.set_learning_rate(0.02)
    run.advance(36)
    file = io.BytesIO()
    write_run(run, digest(images, labels, (images[:9], labels[:9])), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def runs(digits: Digits) -> list[bytes]:
    return [saved(digits), saved(digits, filters=2, batch=7, seed=3)]


def is_a_run_or_refused(content: bytes, digits: Digits) -> None:
    """Whatever was read can be looked at and trained on."""
    images, labels = digits.images[:50], digits.labels[:50]
    try:
        file = read_run(io.BytesIO(content))
        run = file.run(images, labels, (images[:9], labels[:9]))
    except RunFileError as error:
        assert_plain(error)
        return
    assert 1 <= run.step <= MAX_STEPS
    for number in {1, (run.step + 1) // 2, run.step}:
        assert run.at(number).number == number
    assert len(run.history.loss) == run.step
    run.advance(2)


# NumPy takes a header for one of Python 2's that is repaired by leaving out every L.
of_python_2 = pytest.mark.filterwarnings("ignore:Reading `.npy`")


@of_python_2
@settings(max_examples=900)
@given(data=st.data())
@tries("saved runs")
def test_a_spoilt_run_is_a_run_or_refused(
    runs: list[bytes], digits: Digits, data: st.DataObject
) -> None:
    is_a_run_or_refused(data.draw(mutated(runs)), digits)


@of_python_2
@settings(max_examples=600)
@given(data=st.data())
@tries("saved runs")
def test_a_run_with_a_spoilt_array_is_a_run_or_refused(
    runs: list[bytes], digits: Digits, data: st.DataObject
) -> None:
    """The ZIP around it is whole, with checksums that hold."""
    with zipfile.ZipFile(io.BytesIO(data.draw(st.sampled_from(runs)))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = data.draw(st.sampled_from(sorted(members)))
    match data.draw(st.sampled_from(("bytes", "number", "numbers", "recipe", "none"))):
        case "bytes":
            members[name] = data.draw(mutated([members[name], *members.values()]))
        case "number":
            name = data.draw(st.sampled_from(("step", "spacing", "judged", "version")))
            number = data.draw(st.one_of(st.integers(0, 50), st.integers(-(2**63), 2**63 - 1)))
            members[f"{name}.npy"] = npy(np.array(number, "<i8"))
        case "numbers":
            name = data.draw(st.sampled_from(("parameters", "checkpoints", "judgements")))
            array = np.load(io.BytesIO(members[f"{name}.npy"]))
            array.flat[data.draw(st.integers(0, array.size - 1)) :] = data.draw(
                st.floats(width=32, allow_nan=False)
            )
            members[f"{name}.npy"] = npy(array)
        case "recipe":
            recipe = json.loads(str(np.load(io.BytesIO(members["recipe.npy"]))))
            recipe[data.draw(st.sampled_from(sorted(recipe)))] = data.draw(VALUES)
            members["recipe.npy"] = npy(np.array(json.dumps(recipe)))
        case "none":
            del members[name]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    is_a_run_or_refused(file.getvalue(), digits)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


# ---- Results of sweeps ----


def results() -> bytes:
    sweep = Sweep(learning_rate=(0.01, 0.1), seeds=(0, 1), steps=20, epochs=None)
    curve = (Point(0, None, 2.3, 0.1), Point(20, 1.5, 1.2, 0.625))
    ended = [
        Outcome(0, "finished", "", 20, 1.2, 1.1, 0.7, curve, "a" * 64, 0.5, 7),
        Outcome(1, "diverged", "It left the range.", 8, None, None, 0.1, curve, "", 0.5, 7),
        Outcome(3, "failed", "No memory."),
    ]
    return Record(sweep, "d" * 64, {outcome.place: outcome for outcome in ended}).to_bytes()


RESULTS = results()
LINES = [json.loads(line) for line in RESULTS.splitlines()]


@st.composite
def with_another_value(draw: st.DrawFn) -> bytes:
    """Draw results of which one value, at any depth, is another."""
    lines = json.loads(json.dumps(LINES))
    inner = lines
    while isinstance(inner, dict | list) and inner:
        outer, inner = inner, None
        key = draw(st.sampled_from(sorted(outer) if isinstance(outer, dict) else range(len(outer))))
        if draw(st.booleans()):
            inner = outer[key]
    outer[key] = draw(VALUES)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def is_a_record_or_refused(content: bytes) -> None:
    try:
        record = read_record(content)
    except RecordError as error:
        assert_plain(error, content)
        return
    for place, outcome in record.outcomes.items():
        assert outcome.place == place < len(record.sweep.recipes)
    assert read_record(record.to_bytes()) == record


@settings(max_examples=1_000)
@given(mutated([RESULTS]))
@tries("results of sweeps")
def test_spoilt_results_are_results_or_refused(content: bytes) -> None:
    is_a_record_or_refused(content)


@settings(max_examples=1_000)
@given(with_another_value())
@tries("results of sweeps")
def test_results_with_another_value_are_results_or_refused(content: bytes) -> None:
    is_a_record_or_refused(content)


# ---- Sweeps in TOML ----

TOML = Sweep().to_toml() + 'processes = 2\nscheduler = "tcp://10.0.0.1:8786"\nfolder = "digits"\n'
FIELDS = [line.partition(" = ")[0] for line in TOML.splitlines()]
TEXTS = st.one_of(
    VALUES.map(lambda value: json.dumps(value)),
    st.sampled_from(
        ["1979-05-27", "07:32:00", "1e999", "-nan", "0x" + "f" * 5_000, "9" * 5_000, "[" * 5_000,
         "{a={b={c=1}}}", "'''x\ny'''", '"\\u0000"', '"' + "n" * 9_000 + '"', "[0.1, 'x']", "[[1]]"]
    ),
    st.text(max_size=30),
)  # fmt: skip


def is_a_plan_or_refused(text: str) -> None:
    try:
        plan = read_plan(text)
    except SweepError as error:
        assert_plain(error, text)
    else:
        assert 1 <= len(plan.sweep.recipes) <= 200
        assert 1 <= plan.where.processes <= 256
        assert Sweep.from_values(plan.sweep.to_values()) == plan.sweep


@settings(max_examples=800)
@given(mutated([TOML.encode()]))
@tries("sweeps in TOML")
def test_a_spoilt_toml_file_is_a_plan_or_refused(content: bytes) -> None:
    is_a_plan_or_refused(content.decode(errors="replace"))


@settings(max_examples=800)
@given(field=st.sampled_from(FIELDS), text=TEXTS)
@tries("sweeps in TOML")
def test_a_toml_file_with_another_value_is_a_plan_or_refused(field: str, text: str) -> None:
    lines = [line for line in TOML.splitlines() if not line.startswith(f"{field} ")]
    is_a_plan_or_refused("\n".join([*lines, f"{field} = {text}"]))
