"""A project's settings over REST: what the page offers, what the page refuses, and to whom."""

import pytest

from annotation.api.project_settings import SETTABLE
from annotation.models import ProjectRole
from annotation.services.projects import ACQUISITION_FUNCTIONS, LIMITS
from annotation.web.lead_projects import ALL_FIELDS, FUNCTIONS
from tests.factories import make_user
from tests.rest import error

pytestmark = pytest.mark.django_db

PLACE = "projects/kitchen/settings"


def test_the_settings_and_their_limits_are_the_pages():
    assert {field.name for field in ALL_FIELDS} == set(SETTABLE)
    assert {name for name, _words in FUNCTIONS} == ACQUISITION_FUNCTIONS
    for field in ALL_FIELDS:
        if field.name in LIMITS:
            low, high = LIMITS[field.name]
            assert field.min == low
            assert field.max in {high, None}


def test_a_lead_reads_and_changes_some_and_the_rest_stays(api, lena, project):
    before = api(lena).get(PLACE).json()
    change = {"acquisition_function": "bald", "control_share": 0.1, "acquisition_budget": 500,
              "skill_tags": ["law", "chemistry", "law"], "overlap_cap": None}  # fmt: skip
    response = api(lena).patch(PLACE, change)
    assert response.status_code == 200
    assert response.json() == before | change | {"skill_tags": ["chemistry", "law"]}
    project.refresh_from_db()
    assert (project.acquisition_function, project.control_share) == ("bald", 0.1)
    (entry,) = project.audit_entries.filter(actor=lena, action="project.update")
    assert entry.detail["control_share"] == [before["control_share"], 0.1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"control_share": 0.01}, "control_share"), ({"overlap": 0}, "overlap"),
        ({"overlap": "many"}, "overlap"), ({"overlap_cap": 1}, "overlap_cap"),
        ({"acquisition_function": "telepathy"}, "acquisition_function"),
        ({"acquisition_unit": "day"}, "acquisition_unit"), ({"lease_seconds": 5}, "lease_seconds"),
        ({"acquisition_budget": 0}, "acquisition_budget"), ({"question": " "}, "question"),
        ({"acquisition_size": None}, "acquisition_size"), ({"gold_rate": 0.9}, "gold_rate"),
        ({"skill_tags": "law"}, "skill_tags"), ({"loop_paused": "perhaps"}, "loop_paused"),
        ({"kind": "ranking"}, "kind"), ({"held_out_fraction": 0.5}, "held_out_fraction"),
        ({"name": "New", "seed": 3}, "seed"), ({}, None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_changes(api, lena, project, change, field):
    before = api(lena).get(PLACE).json()
    refused = api(lena).patch(PLACE, change)
    assert refused.status_code == 422
    assert error(refused)["field"] == field
    assert api(lena).get(PLACE).json() == before


def test_only_who_leads_it_may(api, ana, otto, project):
    viewer = make_user("vera")
    ProjectRole.objects.create(project=project, user=viewer, role="viewer")
    for somebody in (ana, otto, viewer):
        assert api(somebody).get(PLACE).status_code == 404
        assert api(somebody).patch(PLACE, {"overlap": 5}).status_code == 404
    assert api(None).patch(PLACE, {"overlap": 5}).status_code == 401
    project.refresh_from_db()
    assert project.overlap == 2
