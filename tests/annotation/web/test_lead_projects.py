"""A project is opened, changed and given criteria by its lead."""

import pytest
from django.test import Client

from annotation.models import AuditEntry, Pool, Project, User
from annotation.web.lead_projects import FUNCTIONS
from rewardmodel.core.function_names import FUNCTION_NAMES

pytestmark = pytest.mark.django_db

NEW = {
    "name": "Soups", "question": "Which soup?", "kind": "pairwise", "candidates": "2",
    "overlap": "3", "held_out_fraction": "25", "pool": "",
}  # fmt: skip


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def settings_of(client: Client, **changed: str) -> dict[str, str]:
    """The settings form as the page fills it, with some of it changed."""
    context = client.get("/projects/kitchen/settings/").context
    fields = [*context["judging"], *context["assigning"], *context["learning"]]
    sent = {
        f.field.name: "on" if f.field.kind == "yes_no" else "" if f.value is None else str(f.value)
        for f in fields
        if f.field.kind != "yes_no" or f.is_checked
    }
    return sent | changed


def test_the_list_tells_what_is_in_each(client: Client) -> None:
    page = client.get("/projects/").content.decode()
    assert "You look after 1 project." in page
    assert "/projects/kitchen/" in page


def test_a_new_project_has_a_pool_of_its_own(client: Client, lena: User) -> None:
    assert client.post("/new-project/", NEW)["Location"] == "/projects/soups/prompts/"
    project = Project.objects.get(slug="soups")
    assert project.held_out_fraction == 0.25
    assert project.pools.get().memberships.get().user == lena


def test_a_new_project_can_use_a_pool_that_one_leads(client: Client, pool: Pool) -> None:
    client.post("/new-project/", NEW | {"pool": str(pool.pk)})
    assert Project.objects.get(slug="soups").pools.get() == pool


def test_a_pool_of_somebody_else_is_not_taken(client: Client, otto: User) -> None:
    theirs = Pool.objects.get(name="Engineers")
    assert client.post("/new-project/", NEW | {"pool": str(theirs.pk)}).status_code == 404
    assert not Project.objects.filter(slug="soups").exists()


def test_what_does_not_fit_is_said_and_leaves_nothing(client: Client) -> None:
    answer = client.post("/new-project/", NEW | {"candidates": "4"})
    assert answer.status_code == 422
    assert not Project.objects.filter(slug="soups").exists()
    assert not Pool.objects.filter(name="Soups").exists()


def test_the_settings_form_sent_back_unchanged_changes_nothing(
    client: Client, project: Project
) -> None:
    before = Project.objects.filter(pk=project.pk).values().get()
    assert client.post("/projects/kitchen/settings/", settings_of(client)).status_code == 302
    assert Project.objects.filter(pk=project.pk).values().get() == before


def test_changed_settings_are_kept_and_logged(client: Client, project: Project) -> None:
    sent = settings_of(client, overlap="5", control_share="35", rationale="required")
    sent.pop("allow_tie")
    client.post("/projects/kitchen/settings/", sent)
    project.refresh_from_db()
    assert (project.overlap, project.control_share) == (5, 0.35)
    assert (project.rationale, project.allow_tie) == ("required", False)
    entry = AuditEntry.objects.get(action="project.update")
    assert entry.detail["overlap"] == [2, 5]
    page = client.get("/projects/kitchen/activity/").content.decode()
    assert "project.update" in page


def test_who_gets_what_is_set_and_tags_sort_open_work_anew(
    client: Client, project: Project
) -> None:
    project.prompts.update(tags=["law", "tax"])
    sent = settings_of(
        client, overlap_cap="5", stop_at_agreement="80", adjudicates="on", prompt_window_hours="",
        oldest_share="10", gold_rate="2.5", repeat_rate="1", skill_tags="law, , law",
    )  # fmt: skip
    assert client.post("/projects/kitchen/settings/", sent).status_code == 302
    project.refresh_from_db()
    assert (project.overlap_cap, project.stop_at_agreement, project.adjudicates) == (5, 0.8, True)
    assert (project.prompt_window_hours, project.gold_rate) == (None, 0.025)
    assert project.skill_tags == ["law"]
    assert {tuple(c.lane.skills) for c in project.comparisons.all()} == {("law",)}


def test_every_acquisition_function_can_be_chosen() -> None:
    assert {name for name, _words in FUNCTIONS} == set(FUNCTION_NAMES)


def test_how_it_learns_is_set(client: Client, project: Project) -> None:
    sent = settings_of(
        client, reward_model="deep", acquisition_function="d_optimal", acquisition_unit="pool",
        acquisition_budget="300", loop_paused="on", reward_debiases_length="on",
    )  # fmt: skip
    assert client.post("/projects/kitchen/settings/", sent).status_code == 302
    project.refresh_from_db()
    assert (project.reward_model, project.acquisition_unit) == ("deep", "pool")
    assert (project.acquisition_budget, project.loop_paused) == (300, True)
    assert (project.reward_debiases_length, project.reward_weighs_annotators) == (True, False)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("overlap", "zero", "“zero” is not a number."),
        ("overlap", "2.5", "A whole number is wanted here."),
        ("overlap", "0", "A number from 1 to 500 is wanted here."),
        ("control_share", "2", "A number from 5 to 100 is wanted here."),
        ("acquisition_function", "magic", "Choose one of the list."),
        ("name", "", "“Name” is missing."),
        ("overlap_cap", "1", "cannot be fewer"),
        ("gold_rate", "60", "A number from 0 to 50 is wanted here."),
    ],
)
def test_a_wrong_setting_is_said_at_its_field(
    client: Client, project: Project, field: str, value: str, words: str
) -> None:
    sent = settings_of(client, **{field: value})
    answer = client.post("/projects/kitchen/settings/", sent)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'id="error_{field}">{words}' in page or words in page
    project.refresh_from_db()
    assert project.overlap == 2


def test_a_criterion_is_added_last(client: Client, project: Project) -> None:
    form = {"key": "kind", "name": "Kind", "scale": "rating", "guideline": "", "is_required": "on"}
    assert client.post("/projects/kitchen/settings/criteria/", form).status_code == 302
    added = project.criteria.last()
    assert (added.key, added.position, added.is_required) == ("kind", 2, True)
    again = client.post("/projects/kitchen/settings/criteria/", form)
    assert again.status_code == 422
