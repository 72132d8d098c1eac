"""What the stage is sent: a step, and around it what the visit has in hand."""

from dataclasses import replace

from cnn import Step
from pages.parts.curves import thinned
from pages.parts.frame import Scene, Spot, pack
from pages.parts.session import Session
from pages.parts.spots import spot_of
from pages.parts.worked import worked

STAGE_POINTS = 120
"""Points of the short curves on the stage."""


def live_frame(session: Session, step: Step) -> bytes:
    """Return what the stage of the live page draws of a step, which may be `Session.shown`."""
    scene = _scene(session, step)
    if scene.slow is not None:
        scene = replace(scene, worked=worked(step, 0, session.run.recipe.bias_rule))
    return pack(step, scene)


def still_frame(session: Session, step: Step, covered: tuple[Spot, ...] = ()) -> bytes:
    """Return what the stage draws of a step that is looked at, with the pinned cell.

    Args:
        session: the visit.
        step: a step of the run in hand.
        covered: the cells that are not to be seen.
    """
    look, recipe = session.look, session.run.recipe
    image, spot = look.image_in(step), look.spot
    if look.pinned and not spot:
        spot = spot_of(look.pinned, recipe.hidden, recipe.filters, int(step.labels[image]))
    scene = replace(_scene(session, step), playing=False, slow=None, explains=True)
    return pack(step, replace(scene, batch_index=image, pinned=spot, covered=covered))


def sketch_frame(session: Session, step: Step, note: str, told: bool) -> bytes:
    """Return what the stage draws of a picture that is not in the data.

    Args:
        session: the visit.
        step: from `Held.judged`, or one step of training on that picture.
        note: what is to be said about it.
        told: whether the step's label is what the picture really shows, and not a guess.
    """
    scene = replace(_scene(session, step), playing=False, slow=None, note=note, told=told)
    return pack(step, scene)


def _scene(session: Session, step: Step) -> Scene:
    run, digits = session.run, session.digits
    curves = thinned(run.history, STAGE_POINTS)
    position = (step.number - 1) % run.steps_per_epoch + 1
    return Scene(
        run_id=str(session.held.number),
        first_reach=session.held.first_reach,
        playing=session.playing,
        slow=0.9 * session.pace.interval if session.pace.slow_motion else None,
        watching=int(step.indices[0]) if step.after is step.before else None,
        position=min(position * run.recipe.batch, len(digits.images)),
        epoch_size=len(digits.images),
        classes=digits.classes,
        bias_rule=run.recipe.bias_rule,
        rate_changes=run.recipe.learning_rate,
        curve_steps=curves.steps,
        curve_loss=curves.loss,
        curve_filters=curves.filters.reshape(len(curves.steps), -1, 9),
    )
