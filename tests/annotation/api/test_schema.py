"""The OpenAPI document is complete, valid, and public."""

import re

import yaml
from django.core.management import call_command
from django.urls import get_resolver


def test_it_is_generated_without_a_warning(tmp_path):
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(file))
    document = yaml.safe_load(file.read_text())
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} says nothing about itself"


def test_it_describes_every_address(client, db):
    document = client.get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    served = {
        "/" + re.sub(r"<\w+:(\w+)>", "{\\1}", outer + str(inner.pattern))
        for pattern in get_resolver().url_patterns
        if (outer := str(pattern.pattern)) == "api/v1/" and hasattr(pattern, "url_patterns")
        for inner in pattern.url_patterns
    }
    described = {re.sub(r"\{id\}", "{pk}", path) for path in document["paths"]}
    assert served == described
