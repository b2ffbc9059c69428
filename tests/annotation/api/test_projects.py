from annotation.models import Membership
from tests.rest import error


def slugs(response):
    return [project["slug"] for project in response.json()["results"]]


def test_everyone_sees_their_own_projects(api, lena, ana, otto, project, ranking_project):
    assert set(slugs(api(ana).get("projects"))) == {"kitchen", "menus"}
    assert set(slugs(api(lena).get("projects"))) == {"kitchen", "menus"}
    assert slugs(api(otto).get("projects")) == ["bridges"]


def test_one_project_says_what_is_asked(api, ana, project):
    answer = api(ana).get("projects/kitchen").json()
    assert answer["question"] == "Which response is better?"
    assert [criterion["key"] for criterion in answer["criteria"]] == ["overall", "honest"]
    assert answer["roles"] == ["annotator"]


def test_an_outsider_finds_nothing(api, otto, project):
    response = api(otto).get("projects/kitchen")
    assert response.status_code == 404
    assert error(response)["type"] == "NotFound"


def test_who_was_removed_finds_nothing(api, ana, project):
    Membership.objects.filter(user=ana).update(state=Membership.State.REMOVED)
    assert slugs(api(ana).get("projects")) == []
    assert api(ana).get("projects/kitchen").status_code == 404


def test_pages_follow_by_cursor(api, lena, project, ranking_project):
    caller = api(lena)
    first = caller.get("projects", limit=1).json()
    second = caller.client.get(first["next"], headers=caller.headers).json()
    found = [page["results"][0]["slug"] for page in (first, second)]
    assert found == ["menus", "kitchen"]
    assert second["next"] is None
