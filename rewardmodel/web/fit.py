"""What is worth knowing of a fit: heads of groups, the price of options, how long it trained."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

Metrics = Mapping[str, Any]


def fit_told(metrics: Metrics) -> list[str]:
    """Sentences, of an embedded model or of a deep one; none of an older training."""
    course = metrics.get("course") or {}
    overall = course.get("overall")
    told = _of_embedded(overall) if isinstance(overall, Mapping) else _of_deep(course)
    if note := metrics.get("weights_note"):
        told.append(_("Weights of people: %(note)s") % {"note": note})
    if n_unread := metrics.get("n_unread"):
        told.append(
            _("%(n)s judged responses cannot be read and are left out.") % {"n": f"{n_unread:,}"}
        )
    return told


def previous_told(metrics: Metrics) -> str:
    """The paired change against the one that was in use, on the same held-out votes."""
    found = metrics.get("previous")
    if not found or not found.get("log_loss"):
        return ""
    rise, gain = found["log_loss"], found["accuracy"]
    told = _(
        "Against the one before it, on the same %(n)s votes: log-loss %(rise)s nats, accuracy "
        "%(gain)s points."
    ) % {
        "n": f"{rise['n_votes']:,}",
        "rise": _change(rise, 1, 3),
        "gain": _change(gain, 100, 1),
    }
    worst = found.get("worst_log_loss")
    if not worst:
        return told
    return (
        told
        + " "
        + _("Of %(n)s groups, “%(name)s” changes worst: %(rise)s nats.")
        % {
            "n": found["n_groups"],
            "name": found["worst"],
            "rise": _change(worst, 1, 3),
        }
    )


def _change(figure: Metrics, times: float, digits: int) -> str:
    """+0.012 [-0.003, +0.027]; a dash where there is no vote."""
    if figure.get("value") is None:
        return "–"
    told = f"{times * figure['value']:+.{digits}f}"
    if figure.get("low") is not None:
        low, high = times * figure["low"], times * figure["high"]
        told += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    return told.replace("-", "\N{MINUS SIGN}")


def why_no_head(metrics: Metrics, key: str) -> str:
    """Why a criterion has no head of its own."""
    return str((metrics.get("left_out") or {}).get(key, ""))


def _of_embedded(overall: Metrics) -> list[str]:
    told = []
    if length := overall.get("length"):
        told.append(
            _(
                "What length tells is taken out. On prompts left out that changes log-loss by "
                "%(cost)s nats: %(without)s instead of %(with)s."
            )
            % {
                "cost": _signed(length["cost"]),
                "without": f"{length['without_length']:.3f}",
                "with": f"{length['with_length']:.3f}",
            }
        )
    for name, found in (overall.get("groups") or {}).items():
        note = str(found.get("note", ""))
        told.append(_("Pool “%(name)s”: %(note)s") % {"name": name, "note": note})
    return told


def _of_deep(course: Metrics) -> list[str]:
    if "steps" not in course:
        return []
    early = _("stopped early, by") if course.get("stopped_early") else _("watched by")
    told = [
        _(
            "Trained for %(steps)s steps on %(n)s votes, %(early)s %(back)s votes of %(prompts)s "
            "prompts held back from training."
        )
        % {
            "steps": f"{course['steps']:,}",
            "n": f"{course['train_votes']:,}",
            "early": early,
            "back": f"{course['held_back_votes']:,}",
            "prompts": f"{course['held_back_prompts']:,}",
        }
    ]
    if truncated := course.get("truncated_texts"):
        told.append(_("Of %(n)s texts only a part was read.") % {"n": f"{truncated:,}"})
    return told


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
