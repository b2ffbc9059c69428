"""Arrivals from platforms: ids as these send them, and nothing else."""

import pytest

from annotation.core.crowd import PREVIEW, Arrival, arrival, way_back
from annotation.core.errors import Invalid


def test_each_platform_names_person_study_and_session() -> None:
    prolific = {"PROLIFIC_PID": "5f3a", "STUDY_ID": "61b", "SESSION_ID": "77c", "utm": "x"}
    assert arrival("prolific", prolific) == Arrival("5f3a", "61b", "77c")
    mturk = {"workerId": "A1B2", "hitId": "3H", "assignmentId": "3A"}
    assert arrival("mturk", mturk) == Arrival("A1B2", "3H", "3A")
    assert arrival("other", {"id": "p-1"}) == Arrival("p-1")


def test_who_only_looks_at_a_task_accepts_it_first() -> None:
    with pytest.raises(Invalid, match="Accept the task first"):
        arrival("mturk", {"workerId": "A1", "assignmentId": PREVIEW})


@pytest.mark.parametrize("person", ["", " ", "{{%PROLIFIC_PID%}}", "x" * 129, "<script>", "a\x00b"])
def test_an_id_that_no_platform_gives_is_refused(person: str) -> None:
    with pytest.raises(Invalid) as refused:
        arrival("prolific", {"PROLIFIC_PID": person})
    assert refused.value.field == "PROLIFIC_PID"


def test_the_way_back() -> None:
    own = "https://panel.example.org/done?x=1"
    assert way_back("prolific", code="C1", return_url=own) == own
    prolific = way_back("prolific", code="C1 &2", return_url="")
    assert prolific == "https://app.prolific.com/submissions/complete?cc=C1%20%262"
    assert way_back("mturk", code="C1", return_url="") == ""
    assert way_back("prolific", code="", return_url="") == ""
