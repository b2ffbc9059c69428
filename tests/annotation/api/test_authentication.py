from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotation.models import ApiToken
from tests.factories import make_token
from tests.rest import error


def ask(authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return Client().get("/api/v1/me", headers=headers)


def test_a_token_says_who_is_asking(ana, project):
    answer = ask(f"Bearer {make_token(ana)}").json()
    assert answer["username"] == "ana"
    assert answer["annotates"] == ["kitchen"]
    assert answer["leads"] == []


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer ", "Bearer wrong", "Basic YW5hOg==", "Bearer \xff"],
)
def test_without_a_good_token_nobody_is_asking(ana, authorization):
    make_token(ana)
    response = ask(authorization)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="AlignUI"'
    assert error(response)["type"] == "Unauthenticated"


def test_a_session_opens_no_door_here(ana, client):
    client.force_login(ana)
    assert client.get("/api/v1/me").status_code == 401


def test_a_revoked_token_is_worth_nothing(ana):
    secret = make_token(ana)
    ApiToken.objects.update(revoked_at=timezone.now())
    assert ask(f"Bearer {secret}").status_code == 401


def test_nor_is_the_token_of_someone_who_left(ana):
    secret = make_token(ana)
    ana.is_active = False
    ana.save()
    assert ask(f"Bearer {secret}").status_code == 401


def test_use_is_noted_at_most_once_a_minute(ana, django_assert_num_queries):
    secret = make_token(ana)
    ask(f"Bearer {secret}")
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    ask(f"Bearer {secret}")
    assert ApiToken.objects.get().last_used_at == noted
    earlier = noted - timedelta(seconds=61)
    ApiToken.objects.update(last_used_at=earlier)
    ask(f"Bearer {secret}")
    assert ApiToken.objects.get().last_used_at > earlier
