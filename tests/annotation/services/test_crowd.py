"""People of a crowd platform: one account each, never somebody else's, done when they are done."""

import pytest
from django.db import IntegrityError, transaction

from annotation.core.crowd import Arrival
from annotation.core.errors import Conflict, Forbidden, NotFound
from annotation.models import Membership, Participation, Pool, Project, ProjectRole, User
from annotation.selectors.access import project_for_annotator
from annotation.selectors.crowd import completion_of
from annotation.services.crowd import crowd_completions_note, crowd_enter
from annotation.services.people import user_erase
from annotation.services.pools import PoolTerms, entry_link_close, entry_link_draw, pool_update
from tests.factories import judge, make_pool

pytestmark = pytest.mark.django_db

ARRIVAL = Arrival("5f3a", "study-1", "session-1")


def open_door(lena: User, pool: Pool, **terms: object) -> str:
    given = {"total_quota": 2, "platform": "prolific", "completion_code": "C1A2"} | terms
    pool_update(actor=lena, pool=pool, terms=PoolTerms(name=pool.name, **given))
    pool.refresh_from_db()
    return entry_link_draw(actor=lena, pool=pool)


@pytest.fixture
def token(lena: User, pool: Pool, project: Project) -> str:
    return open_door(lena, pool)


def test_the_first_arrival_makes_an_account_and_every_other_finds_it(
    token: str, pool: Pool, project: Project
) -> None:
    first = crowd_enter(token=token, arrival=ARRIVAL)
    assert first.is_new
    assert not first.user.has_usable_password()
    assert project_for_annotator(user=first.user, slug=project.slug) == project
    again = crowd_enter(token=token, arrival=Arrival("5f3a", "", "session-2"))
    assert (again.user, again.is_new) == (first.user, False)
    membership = Membership.objects.get(external_id="5f3a")
    assert (membership.role, membership.external_study, membership.external_session) == (
        "annotator", "study-1", "session-2"
    )  # fmt: skip
    assert crowd_enter(token=token, arrival=Arrival("other")).user != first.user


def test_in_two_studies_of_a_project_a_person_stays_one_annotator(
    token: str, lena: User, project: Project
) -> None:
    beside = make_pool("Second study", owner=[lena])
    project.pools.add(beside)
    elsewhere = make_pool("Elsewhere", owner=[lena])
    user = crowd_enter(token=token, arrival=ARRIVAL).user
    assert crowd_enter(token=open_door(lena, beside), arrival=ARRIVAL).user == user
    assert crowd_enter(token=open_door(lena, elsewhere), arrival=ARRIVAL).user != user


def test_nobody_takes_over_an_account_that_can_do_more(
    token: str, pool: Pool, project: Project, ana: User, lena: User
) -> None:
    Membership.objects.filter(user=ana).update(external_id="ana-1")
    with pytest.raises(Forbidden, match="signs in with a password"):
        crowd_enter(token=token, arrival=Arrival("ana-1"))
    user = crowd_enter(token=token, arrival=ARRIVAL).user
    role = ProjectRole.objects.create(project=project, user=user, role="reviewer")
    with pytest.raises(Forbidden):
        crowd_enter(token=token, arrival=ARRIVAL)
    role.delete()
    Membership.objects.filter(user=user).update(role="lead")
    with pytest.raises(Forbidden):
        crowd_enter(token=token, arrival=ARRIVAL)


def test_who_was_removed_or_erased_does_not_come_back_in(token: str, lena: User) -> None:
    user = crowd_enter(token=token, arrival=ARRIVAL).user
    Membership.objects.filter(user=user).update(state="removed")
    with pytest.raises(Forbidden, match="do not take part"):
        crowd_enter(token=token, arrival=ARRIVAL)
    user_erase(actor=lena, user=user)
    assert not Membership.objects.filter(external_id="5f3a").exists()
    assert crowd_enter(token=token, arrival=ARRIVAL).user != user


def test_a_link_ends_when_it_is_replaced_closed_or_its_platform_is_taken_away(
    token: str, pool: Pool, lena: User
) -> None:
    assert token not in str(Pool.objects.values_list().get(pk=pool.pk))
    newer = entry_link_draw(actor=lena, pool=pool)
    for wrong in (token, "", "x" * 500):
        with pytest.raises(NotFound):
            crowd_enter(token=wrong, arrival=ARRIVAL)
    entry_link_close(actor=lena, pool=pool)
    with pytest.raises(NotFound):
        crowd_enter(token=newer, arrival=ARRIVAL)
    last = entry_link_draw(actor=lena, pool=pool)
    pool_update(actor=lena, pool=pool, terms=PoolTerms(name=pool.name))
    with pytest.raises(NotFound):
        crowd_enter(token=last, arrival=ARRIVAL)
    pool.refresh_from_db()
    with pytest.raises(Conflict, match="which platform"):
        entry_link_draw(actor=lena, pool=pool)


def test_the_code_is_shown_once_the_quota_is_done_in_every_project(
    token: str, pool: Pool, project: Project, ranking_project: Project
) -> None:
    user = crowd_enter(token=token, arrival=ARRIVAL).user
    assert crowd_completions_note(user=user) == []
    for _ in range(2):
        judge(user, project)
    assert crowd_completions_note(user=user) == []
    Participation.objects.create(annotator=user, project=ranking_project, judged=2)
    (done,) = crowd_completions_note(user=user)
    assert completion_of(done).code == "C1A2"
    assert completion_of(done).href.endswith("complete?cc=C1A2")
    first = Membership.objects.get(user=user).completed_at
    assert first is not None
    crowd_completions_note(user=user)
    assert Membership.objects.get(user=user).completed_at == first


def test_an_external_id_is_of_one_member(token: str, pool: Pool, otto: User) -> None:
    crowd_enter(token=token, arrival=ARRIVAL)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(pool=pool, user=otto, external_id="5f3a")
