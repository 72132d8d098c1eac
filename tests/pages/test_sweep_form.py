"""The fields that a new sweep is put together in."""

import re

import pytest
from opening import drawn, held, opened, press, text
from sweeps_page import field

from pages.parts.keys import Key
from pages.parts.session import Session

pytestmark = pytest.mark.usefixtures("alone", "kept_apart")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "learning_rate",
            "0.001, abc",
            "Learning rates: 'abc' is no number. "
            "Write numbers, separated by commas, such as 0.01, 0.03.",
        ),
        (
            "learning_rate",
            " , ",
            "Learning rates: nothing is given. "
            "Write numbers, separated by commas, such as 0.01, 0.03.",
        ),
        (
            "learning_rate",
            "0,01",
            "Learning rates: '0' is not above 0 and at most 1,000,000. "
            "Decimals have a point, as in 0.01.",
        ),
        ("learning_rate", "nan", "Learning rates: 'nan' is no number."),
        ("learning_rate", "0.1, 0.10", "Learning rates: 0.1 is given twice. Take one of them out."),
        (
            "batch",
            "ten",
            "Images a step: 'ten' is no whole number. "
            "Write whole numbers, separated by commas, such as 1, 10.",
        ),
        ("batch", "1001", "Images a step: '1001' is not from 1 to 1,000."),
        ("filters", "9", "Filters: '9' is not from 1 to 8."),
        ("filters", "1.5", "Filters: '1.5' is no whole number."),
        ("hidden", "40; 50", "Hidden units: '40; 50' is no whole number."),
        ("hidden", "0", "Hidden units: '0' is not from 1 to 256."),
        ("seeds", "x", "Seeds: 'x' is no whole number."),
        ("seeds", "3-1", "Seeds: '3-1' is no range from one number up to another"),
        ("seeds", "0-200", "Seeds: '0-200' is no range"),
        ("hidden", "250-300", "Hidden units: '300' is not from 1 to 256."),
        ("seeds", "1-3, 2", "Seeds: 2 is given twice."),
        ("seeds", "-1", "Seeds: '-1' is not from 0 to 4,294,967,295."),
        ("seeds", ", ".join(map(str, range(201))), "Seeds: 201 values, and 200 are the most."),
        ("seeds", ", ".join(map(str, range(41))), "This is 205 runs"),
    ],
)
def test_nonsense_in_a_field_is_said(visit: Session, name: str, value: str, sentence: str) -> None:
    app = opened("experiments", visit)
    field(app, name, value)
    drawn(app)
    said = app.error[0].value.replace("\\", "")
    assert sentence in said
    assert not re.search(r"learning_rate|from step|\bbatch\b|\bhidden\b", said)  # names in the code
    assert "Start the sweep" not in [button.label for button in app.button]


def test_a_range_stands_for_all_its_numbers(visit: Session) -> None:
    app = opened("experiments", visit)
    field(app, "learning_rate", "0.01")
    field(app, "seeds", "0-4, 7, 10 – 11")
    drawn(app)
    assert "**8 runs**" in text(app)
    press(app, "Start the sweep")
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.record.sweep.seeds == (0, 1, 2, 3, 4, 7, 10, 11)
    assert sweeping.task
    sweeping.task.cancel()
    sweeping.task.join()


def test_a_list_whose_values_have_no_partner_and_a_run_without_end(visit: Session) -> None:
    app = opened("experiments", visit)
    field(app, "learning_rate", "0.01, 0.02, 0.02")
    field(app, "filters", "1, 2")
    drawn(app)
    app.button_group(key=Key.SWEEP_COMBINE).set_value("list")
    drawn(app)
    assert app.error[0].value.replace("\\", "") == (
        "In a list of settings every field with several values has the same number of them. "
        "Here they have: Learning rates: 3, Filters: 2."
    )
    field(app, "filters", "1, 2, 3")
    app.number_input(key=Key.SWEEP_COUNT).set_value(1_001)
    drawn(app)
    said = app.error[0].value.replace("\\", "")
    assert said == "Each run takes 1,000 epochs at most, not 1,001."
    app.number_input(key=Key.SWEEP_COUNT).set_value(1)
    drawn(app)
    assert not app.error
    assert "**9 runs**" in text(app)
