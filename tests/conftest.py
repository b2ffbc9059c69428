"""A small cast, the same in every test: Lena leads, Ana and Ben annotate, Otto is an outsider.

Otto is nobody's enemy: he leads a project of his own, and must be refused in Lena's.
"""

import json
import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoDbBlocker

from annotation.models import Pool, Project, User
from tests import databases
from tests.factories import (
    make_batch,
    make_completion,
    make_criterion,
    make_policy,
    make_pool,
    make_project,
    make_prompt,
    make_token,
    make_user,
)

QUESTIONS = (
    "How long do I boil an egg?",
    "Why is my bread flat?",
    "Can I freeze soup?",
    "What goes well with fennel?",
)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, pytestconfig: pytest.Config
) -> None:
    """Test databases are copies of a migrated one. The name is pytest-django's."""
    source = databases.template(pytestconfig.cache.mkdir("databases"))
    connection.settings_dict["TEST"]["TEMPLATE"] = source


@pytest.fixture(autouse=True, scope="session")
def quick_endings() -> Iterator[None]:
    with databases.emptied_quickly():
        yield


@pytest.fixture(autouse=True, scope="session")
def counts_of_its_own() -> None:
    """Processes of one test session share a Redis; what each counts there is its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    settings.CACHES["shared"]["KEY_PREFIX"] = f"alignui-{worker}"


@pytest.fixture(autouse=True)
def quick_passwords(settings: object) -> None:
    """Hashing a password slowly is for attackers, not for tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def lena(db: DjangoDbBlocker) -> User:
    return make_user("lena", email="lena@example.org")


@pytest.fixture
def ana(db: DjangoDbBlocker) -> User:
    return make_user("ana", email="ana@example.org")


@pytest.fixture
def ben(db: DjangoDbBlocker) -> User:
    return make_user("ben", email="ben@example.org")


@pytest.fixture
def otto(db: DjangoDbBlocker) -> User:
    """Owns a pool and a project of his own, where none of the others belongs."""
    user = make_user("otto", email="otto@example.org")
    make_project("Bridges", pool=make_pool("Engineers", owner=[user]))
    return user


@pytest.fixture
def pool(lena: User, ana: User, ben: User) -> Pool:
    return make_pool("Cooks", owner=[lena], annotator=[ana, ben])


@pytest.fixture
def project(pool: Pool) -> Project:
    """Pairwise: four kitchen questions, two policies, one open comparison each, overlap 2."""
    project = make_project("Kitchen", pool=pool, overlap=2)
    make_criterion(project, "honest", guideline="Which one admits what it does not know?")
    terse, wordy = make_policy(project, "terse"), make_policy(project, "wordy")
    pairs = []
    for question in QUESTIONS:
        prompt = make_prompt(project, question)
        pairs.append(
            (
                make_completion(prompt, terse, f"Short answer to “{question}”"),
                make_completion(prompt, wordy, f"A much longer answer to “{question}” " * 4),
            )
        )
    make_batch(project, *pairs)
    return project


@pytest.fixture
def ranking_project(pool: Pool) -> Project:
    """Ranking of four: two questions, two policies with two samples each, overlap 2."""
    project = make_project("Menus", pool=pool, kind="ranking", candidates=4, overlap=2)
    policies = make_policy(project, "terse"), make_policy(project, "wordy")
    together = []
    for question in QUESTIONS[:2]:
        prompt = make_prompt(project, question)
        together.append(
            [
                make_completion(prompt, policy, f"Menu {sample} by {policy} for “{question}”")
                for policy in policies
                for sample in (1, 2)
            ]
        )
    make_batch(project, *together)
    return project


class Api:
    """The REST interface as one person's program sees it: JSON in, JSON out, a bearer token."""

    def __init__(self, user: User | None) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {make_token(user)}"} if user else {}

    def get(self, path: str, **query: object) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: object = None, *, raw: bytes | None = None) -> HttpResponse:
        data = json.dumps(body or {}) if raw is None else raw
        return self.client.post(
            f"/api/v1/{path}", data, content_type="application/json", headers=self.headers
        )

    def patch(self, path: str, body: object) -> HttpResponse:
        return self.client.patch(
            f"/api/v1/{path}", json.dumps(body), content_type="application/json",
            headers=self.headers,
        )  # fmt: skip


@pytest.fixture
def api(db: DjangoDbBlocker) -> Callable[[User | None], Api]:
    """The REST interface in somebody's name: api(ana).get("me"), api(None) for nobody."""
    return Api
