"""What is built by hand for speed says what the documented serializers say."""

from annotation.api.work import (
    PresentationOut,
    SubmittedOut,
    presentation_data,
    submitted_data,
)
from annotation.models import Project, User
from annotation.selectors.work import presentation
from tests.factories import claim, judge


def test_a_presentation_is_the_same_both_ways(ana: User, project: Project) -> None:
    shown = presentation(claim(ana, project))
    documented = PresentationOut(shown).data
    quick = presentation_data(shown)
    assert list(quick) == list(documented)
    assert quick.pop("expires_at").isoformat() == documented.pop("expires_at").replace(
        "Z", "+00:00"
    )
    assert quick.pop("idempotency_token") != documented.pop("idempotency_token")
    assert quick == documented


def test_a_submitted_judgment_is_the_same_both_ways(ana: User, project: Project) -> None:
    judgment = judge(ana, project)
    documented = dict(SubmittedOut(judgment).data)
    quick = submitted_data(judgment)
    assert quick.pop("judged_at").isoformat() == documented.pop("judged_at").replace("Z", "+00:00")
    assert quick == documented
