"""The admin shows every table and changes none."""

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.factories import judge, make_token, make_user

OURS = [model for model in admin.site._registry if model._meta.app_label != "auth"]


@pytest.fixture
def keeper(client, db):
    user = make_user("keeper", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.model_name)
def test_each_table_is_listed_and_locked(client, keeper, ana, project, model):
    judge(ana, project)
    make_token(ana)
    options = model._meta
    listed = client.get(reverse(f"admin:{options.app_label}_{options.model_name}_changelist"))
    assert listed.status_code == 200
    adding = client.get(reverse(f"admin:{options.app_label}_{options.model_name}_add"))
    assert adding.status_code == 403
    row = model.objects.first()
    if row is None:
        return
    for action in ("change", "delete"):
        address = reverse(f"admin:{options.app_label}_{options.model_name}_{action}", args=[row.pk])
        assert client.post(address, {"post": "yes"}).status_code == 403
    shown = client.get(
        reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
    ).content.decode()
    for secret in ("password", "digest"):
        if isinstance(value := getattr(row, secret, None), str):
            assert value not in shown


def test_others_do_not_get_in(client, lena):
    client.force_login(lena)
    assert client.get("/admin/annotation/judgment/").status_code == 302
