"""Reports on people over REST."""

import pytest

from annotation.models import Run
from annotation.services.people_reports import people_measure
from tests.planted import planted_project
from tests.rest import error


@pytest.fixture
def report(pool):
    project = planted_project(items=24, pool=pool)
    return people_measure(project=project, criterion=project.criteria.get(key="overall"))


def test_a_report_and_its_people_a_page_at_a_time(api, lena, report):
    caller = api(lena)
    (answer,) = caller.get("projects/planted/people-reports").json()["results"]
    assert answer == caller.get(f"people-reports/{report.pk}").json()
    assert (answer["n_annotators"], answer["includes_quarantined"]) == (13, False)
    assert answer["method"]
    assert answer["detail"]["actions"]["quarantine"] >= 1

    seen, path = [], f"people-reports/{report.pk}/people"
    page = caller.get(path, limit=5).json()
    while True:
        seen += page["results"]
        if page["next"] is None:
            break
        page = caller.get(path + "?" + page["next"].split("?")[1]).json()
    assert len({each["annotator_id"] for each in seen}) == len(seen) == 13
    assert seen[0]["action"] == "quarantine"
    assert seen[0]["evidence"][0]["statement"]
    kept = caller.get(path, action="keep").json()["results"]
    assert {each["action"] for each in kept} == {"keep"}
    assert caller.get(path, action="fire").status_code == 422


def test_measuring_is_a_run(api, lena, report):
    caller = api(lena)
    answer = caller.post("projects/planted/people-reports", {"with_quarantined": True})
    assert answer.status_code == 202
    run = Run.objects.get(pk=answer.json()["id"])
    assert (run.kind, run.params) == ("people", {"with_quarantined": True})
    assert caller.post("projects/planted/people-reports").status_code == 409
    assert caller.post("projects/planted/people-reports", {"wiht": 1}).status_code == 422


def test_annotators_and_outsiders_find_nothing(api, ana, otto, report):
    for user in (ana, otto):
        caller = api(user)
        answers = (
            caller.get("projects/planted/people-reports"),
            caller.post("projects/planted/people-reports"),
            caller.get(f"people-reports/{report.pk}"),
            caller.get(f"people-reports/{report.pk}/people"),
        )
        for answer in answers:
            assert answer.status_code == 404
            assert error(answer)
