"""What the tests of sweeps do on the experiments page."""

from opening import drawn, held
from streamlit.testing.v1 import AppTest

from pages.parts.keys import Key
from pages.parts.sweeping import Sweeping


def field(app: AppTest, name: str, value: str) -> None:
    app.text_input(key=f"{Key.SWEEP_FIELD}_{name}").set_value(value)


def small_sweep(app: AppTest) -> None:
    field(app, "learning_rate", "0.01, 0.3")
    field(app, "batch", "10")
    field(app, "seeds", "0, 1")
    drawn(app)
    app.button_group(key=Key.SWEEP_LENGTH).set_value("steps")
    app.number_input(key=Key.SWEEP_COUNT).set_value(200)
    drawn(app)


def finished(app: AppTest) -> Sweeping:
    sweeping = held(app).kept.sweeping
    assert sweeping
    assert sweeping.task
    sweeping.task.join()
    assert sweeping.task.error is None
    drawn(app)
    return sweeping


def brought(app: AppTest, content: bytes) -> AppTest:
    (uploader,) = (one for one in app.file_uploader if "results of a sweep" in one.label)
    uploader.set_value(("sweep.jsonl", content, "application/jsonl"))
    return drawn(app)
