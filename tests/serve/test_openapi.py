"""The description of the service is OpenAPI, and the service keeps to it."""

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)
from serving import App

from wave_network.serve.limits import Limits
from wave_network.serve.openapi import description

NOT_PROMISED = [positive_data_acceptance, negative_data_rejection]
"""Not every model has prediction sets, which a schema cannot say; and 413 is a rejection, too."""

SPECIFICATION = description(Limits())


def test_it_is_openapi():
    validate(SPECIFICATION)


def test_its_examples_fit_its_schemas(sample_model):
    schemas = {"components": SPECIFICATION["components"]}
    post = SPECIFICATION["paths"]["/v1/predict"]["post"]
    asked = post["requestBody"]["content"]["application/json"]
    answered = post["responses"]["200"]["content"]["application/json"]
    app = App([sample_model])
    for content in (asked, answered):
        for example in content["examples"].values():
            Draft202012Validator({**schemas, **content["schema"]}).validate(example["value"])
    for example in asked["examples"].values():  # and the service answers them so
        found = app.predict(example["value"])
        assert found.status_code == 200
        Draft202012Validator({**schemas, **answered["schema"]}).validate(found.json())
    assert set(asked["examples"]) == set(answered["examples"])


def test_the_service_describes_itself(sample_model):
    answered = App([sample_model], texts=7).ask("GET", "/openapi.json").json()
    assert answered["components"]["schemas"]["Question"]["properties"]["texts"]["maxItems"] == 7
    assert json.dumps(description(Limits(texts=7))) == json.dumps(answered)


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_request_is_answered_otherwise_than_described(sample_model, mode):
    # `make serve-fuzz` asks for many more.
    examples = int(os.environ.get("WAVE_NETWORK_REQUESTS", "8"))
    app = App([sample_model], texts=20, characters=200)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app.asgi)
    asked = []

    def check(case):
        answered = case.call_and_validate(excluded_checks=NOT_PROMISED)
        assert answered.status_code < 500
        assert mode is GenerationMode.POSITIVE or answered.status_code >= 400
        asked.append(answered.status_code)

    short = settings(max_examples=examples, database=None, suppress_health_check=[*HealthCheck])
    for operation in schema.get_all_operations():
        operation = operation.ok()
        if mode is GenerationMode.NEGATIVE and operation.method == "get":
            continue  # has nothing that could be wrong
        short(given(operation.as_strategy(generation_mode=mode))(check))()
    assert len(asked) > examples
    assert (200 in asked) == (mode is GenerationMode.POSITIVE)
