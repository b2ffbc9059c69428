"""What annotators say about themselves: kept as said, deleted at once, shown as counts only."""

import pytest

from annotation.core.errors import Invalid, NotFound
from annotation.models import Draft, Membership, Pool, Project, SelfDescription, User
from annotation.selectors.self_descriptions import Group, self_descriptions
from annotation.services.drafts import draft_save
from annotation.services.people import language_set, user_erase
from annotation.services.self_descriptions import (
    self_description_save,
    self_description_withdraw,
)
from tests.factories import claim, make_user


def test_what_was_said_is_kept_tidily(ana: User) -> None:
    kept = self_description_save(
        user=ana, age_band="25-34", gender="  a woman ", first_languages=["Türkçe", " türkçe ", ""]
    )
    assert kept is not None
    assert (kept.gender, kept.first_languages, kept.region) == ("a woman", ["Türkçe"], "")
    again = self_description_save(user=ana, expertise=["baking"])
    assert (again.pk, again.age_band, again.expertise) == (kept.pk, "", ["baking"])


def test_saying_nothing_keeps_nothing(ana: User) -> None:
    self_description_save(user=ana, region="Europe")
    assert self_description_save(user=ana, region=" ") is None
    assert not SelfDescription.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age_band", "12"),
        ("gender", "x" * 61),
        ("first_languages", ["x" * 61]),
        ("expertise", [str(number) for number in range(11)]),
    ],
)
def test_what_does_not_fit_is_refused_by_field(ana: User, field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        self_description_save(user=ana, **{field: value})
    assert refused.value.field == field
    assert not SelfDescription.objects.exists()


def test_withdrawn_is_deleted(ana: User) -> None:
    self_description_save(user=ana, region="Europe")
    assert self_description_withdraw(user=ana)
    assert not SelfDescription.objects.exists()
    assert not self_description_withdraw(user=ana)


def test_erasing_a_person_takes_it_and_what_was_begun(
    ana: User, lena: User, project: Project
) -> None:
    self_description_save(user=ana, region="Europe")
    language_set(user=ana, language="de")
    draft_save(
        annotator=ana, assignment=claim(ana, project), fields={"rationale": "I, Ana"},
        active_ms=0, version=0,
    )  # fmt: skip
    user_erase(actor=lena, user=ana)
    ana.refresh_from_db()
    assert not SelfDescription.objects.exists()
    assert not Draft.objects.exists()
    assert ana.language == ""


def test_leads_see_counts_of_five_or_more(
    lena: User, otto: User, ana: User, pool: Pool, project: Project
) -> None:
    def describe(number: int, **said: object) -> None:
        for _ in range(number):
            user = make_user()
            Membership.objects.create(pool=pool, user=user)
            self_description_save(user=user, **said)

    describe(6, region="Europe", first_languages=["German", "Turkish"])
    describe(5, region="europe ", age_band="65+", first_languages=["German"])
    describe(5, region="Asia")
    describe(4, region="Africa")
    describe(5, gender="woman")
    self_description_save(user=otto, region="Africa")  # of another project
    found = {each.field: each for each in self_descriptions(lead=lena, project=project)}
    # Africa is too small; Asia would give its number away to whoever knows how many there are.
    assert found["region"].shown == (Group("Europe", 11),)
    assert found["region"].n_hidden == 9
    assert found["gender"].shown == (Group("woman", 5),)
    assert found["first_languages"].shown == (Group("German", 11), Group("Turkish", 6))
    assert found["expertise"].shown == ()
    for stranger in (ana, otto):
        with pytest.raises(NotFound):
            self_descriptions(lead=stranger, project=project)
