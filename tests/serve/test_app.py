"""The application: what each endpoint answers, who may ask, and what the log says."""

import json
import threading

import pytest
from serving import App

from wave_network import load
from wave_network.export.web import write_web
from wave_network.persistence.folder import write_model
from wave_network.serve.models import ServedModel

TEXTS = [
    "Oil prices jump as OPEC cuts output",
    "The striker scored twice in the last ten minutes to win the cup",
    "A telescope finds water vapour around a distant planet",
    "",
]


@pytest.fixture(scope="module")
def app(sample_model):
    return App([sample_model])


@pytest.fixture(scope="module")
def engine(sample_model):
    return load(sample_model)


def test_answers_are_those_of_predict(app, invoke_predict):
    given = {"top_k": 2, "threshold": 0.9, "coverage": 0.8, "out_of_scope": True, "explain": True}
    answered = app.predict({"texts": TEXTS, **given})
    assert answered.status_code == 200
    lines = invoke_predict(*TEXTS, "--top-k", 2, "--threshold", 0.9, "--coverage", 0.8,
                           "--out-of-scope", "--explain")  # fmt: skip
    for text, found, line in zip(TEXTS, answered.json()["predictions"], lines, strict=True):
        assert {"text": text, **found} == line


@pytest.fixture
def invoke_predict(sample_model, capsys, monkeypatch):
    def predict(*arguments):
        from wave_network.cli import main

        monkeypatch.setattr(
            "sys.argv", ["wave-network", "predict", str(sample_model), *map(str, arguments)]
        )
        with pytest.raises(SystemExit):
            main()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return predict


def test_many_questions_at_once_get_each_its_own_answers(app, engine):
    questions = []
    for number in range(200):
        asked = {"texts": [f"{TEXTS[number % 4]} {number}"] * (number % 3 + 1)}
        asked["threshold"] = (0.0, 0.6)[number % 2]
        questions.append({**asked, "top_k": 1} if number % 5 == 0 else asked)
    answers = app.ask_all([("POST", "/v1/predict", {"json": asked}) for asked in questions])
    for asked, answered in zip(questions, answers, strict=True):
        expected = engine.predict(asked["texts"], asked["threshold"])
        found = answered.json()["predictions"]
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one["label"] == other.label
            assert one["score"] == pytest.approx(other.score, abs=2e-6)
            assert ("scores" in one) == ("top_k" in asked)


def test_what_the_model_cannot_answer_is_said_and_spoils_no_other(sample_model, make_model):
    plain = make_model("plain")  # without conformal thresholds and out-of-scope score
    app = App([plain])
    asked = [{"text": "a"}, {"text": "a", "coverage": 0.9}, {"text": "b", "out_of_scope": True}]
    asked += [{"text": f"text {number}"} for number in range(9)]
    answers = app.ask_all([("POST", "/v1/predict", {"json": one}) for one in asked])
    assert [answer.status_code for answer in answers] == [200, 422, 422] + [200] * 9
    assert "no out-of-scope score" in answers[2].json()["error"]


def test_an_answer_names_the_model_that_gave_it(sample_model, make_model, monkeypatch):
    app = App([sample_model])
    model, other = app.service.models["model"], ServedModel(str(make_model("other")))
    first, answer = model.loaded, app.service.batcher.answer

    async def replace_meanwhile(engine, question):
        model.loaded = other.loaded
        return await answer(engine, question)

    monkeypatch.setattr(app.service.batcher, "answer", replace_meanwhile)
    for loaded in (first, other.loaded):
        answered = app.predict({"text": TEXTS[0], "top_k": 9}).json()
        assert answered["version"] == loaded.version
        (prediction,) = answered["predictions"]
        assert set(prediction["scores"]) == set(loaded.engine.labels)


def test_models_are_asked_by_name(sample_model, make_model):
    other = make_model("other", seed=3)
    app = App([sample_model, other])
    first, second = app.ask("GET", "/v1/models").json()["models"]
    assert (first["name"], second["name"]) == ("model", "other")
    assert second["labels"] == ["World", "Sports", "Sci/Tech"]
    assert first["version"] != second["version"]
    for path, name in (
        ("/v1/predict", "model"),
        ("/v1/models/model/predict", "model"),
        ("/v1/models/other/predict", "other"),
    ):
        assert app.predict({"text": "a"}, path).json()["model"] == name
    missing = app.predict({"text": "a"}, "/v1/models/third/predict")
    assert missing.status_code == 404
    assert missing.json() == {"error": "no such model: there is 'model', 'other'"}


def test_paths_methods_and_types_that_do_not_exist(app):
    for method, path, status in (
        ("GET", "/v2", 404),
        ("GET", "/v1/models/..%2f..%2fetc/predict", 404),
        ("GET", "/docs", 404),
        ("GET", "/v1/predict", 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/healthz", 405),
    ):
        answered = app.ask(method, path)
        assert (answered.status_code, [*answered.json()]) == (status, ["error"]), path
    body = b'{"text": "a"}'
    for headers in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        assert app.ask("POST", "/v1/predict", content=body, headers=headers).status_code == 415
    kind = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert app.ask("POST", "/v1/predict", content=body, headers=kind).status_code == 200


def test_no_other_site_may_read_the_answers(app):
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert app.ask("OPTIONS", "/v1/predict", headers=headers).status_code == 405
    answered = app.ask("POST", "/v1/predict", json={"text": "a"}, headers=headers)
    assert not [name for name in answered.headers if name.startswith("access-control")]


def test_bodies_and_texts_that_are_too_large(sample_model):
    app = App([sample_model], body_bytes=1_000, texts=5, characters=100)
    for asked in ({"text": "a" * 2_000}, {"text": "a" * 101}, {"texts": [""] * 6}):
        assert app.predict(asked).status_code == 413
    assert app.predict({"text": "a" * 100}).status_code == 200

    async def parts():  # without a length
        for _ in range(50):
            yield b" " * 100

    kind = {"Content-Type": "application/json"}
    answered = app.ask("POST", "/v1/predict", content=parts(), headers=kind)
    assert answered.status_code == 413
    assert app.service.waiting.texts == app.service.waiting.bytes == 0


def test_a_full_queue_refuses_at_once_and_recovers(sample_model):
    app = App([sample_model], waiting_texts=100)
    many = [("POST", "/v1/predict", {"json": {"texts": ["a"] * 60}}) for _ in range(9)]
    answers = app.ask_all(many)
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert statuses.count(429) == 8
    refused = answers[statuses.index(429)]
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {"error": "60 texts wait already: ask again later"}
    assert app.predict({"texts": ["a"] * 100}).status_code == 200


def test_a_question_that_waited_too_long_for_its_turn_is_refused(sample_model):
    app = App([sample_model], answer_seconds=0.0)
    blocked = threading.Event()
    app.service.batcher._thread.submit(blocked.wait, 0.2)
    answered = app.predict({"text": "a", "explain": True})
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    assert app.predict({"text": "a"}).status_code == 200


def test_the_playground_is_the_export_to_the_web(sample_model, tmp_path):
    write_web(sample_model, tmp_path / "web")
    app = App([sample_model])
    for path in (tmp_path / "web").iterdir():
        answered = app.ask("GET", f"/{path.name}")
        assert (answered.status_code, answered.content) == (200, path.read_bytes()), path.name
    page = app.ask("GET", "/")
    assert page.content == (tmp_path / "web" / "index.html").read_bytes()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert app.ask("GET", "/README.md").status_code == 404
    assert app.ask("GET", "/history.jsonl").status_code == 404


def test_a_model_that_no_browser_runs_has_no_playground(make_files, tmp_path):
    files = make_files(levels=("sentence", "input"))
    write_model(tmp_path / "model", files, card="", history=[])
    app = App([tmp_path / "model"])
    named = app.ask("GET", "/")
    assert named.json()["service"] == "wave-network"
    assert named.headers["content-security-policy"] == "default-src 'none'"
    assert app.ask("GET", "/config.json").json() == {"error": "no such path: see /openapi.json"}


def test_keys_open_everything_but_what_is_open(sample_model):
    key, second = "a" * 32, "b" * 32
    app = App([sample_model], keys=[key, second])
    paths = ("/", "/v1/models", "/metrics", "/openapi.json", "/nothing")
    for path in paths:
        refused = app.ask("GET", path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer"), path
    for path in ("/healthz", "/readyz"):
        assert app.ask("GET", path).status_code == 200
    for wrong in ("", key, "Bearer", f"Bearer {key}c", f"Bearer {key[1:]}", f"Basic {key}", "é"):
        headers = {"Authorization": wrong.encode("latin-1")}
        answered = app.ask("POST", "/v1/predict", json={"text": "a"}, headers=headers)
        assert answered.status_code == 401, wrong
    for right in (f"Bearer {key}", f"bearer {second}", f"Bearer   {key} "):
        headers = {"Authorization": right}
        assert app.ask("GET", "/v1/models", headers=headers).status_code == 200, right
    assert key not in app.stream.getvalue()


def test_the_log_has_no_texts_unless_asked_to(sample_model):
    secret = "confidential"
    for log_texts in (False, True):
        app = App([sample_model], log_texts=log_texts)
        app.predict({"text": secret})
        app.predict({"text": secret, "threshold": secret})
        app.ask("POST", f"/{secret}", content=secret.encode())
        app.ask("POST", f"/v1/models/{secret}/predict?text={secret}", json={"text": secret})
        first, *others = app.log
        assert first["event"] == "request"
        assert first["texts"] == 1
        assert {"model", "version", "ms", "status", "endpoint", "client"} < set(first)
        assert [line["status"] for line in others] == [422, 404, 404]
        assert (first.get("given") == [secret]) == log_texts
        assert secret not in json.dumps(others if log_texts else app.log)


def test_a_bug_is_answered_and_logged_without_texts(sample_model, monkeypatch):
    app = App([sample_model])
    secret = "confidential"

    def broken(texts, *arguments, **named):
        raise KeyError(*texts)

    monkeypatch.setattr(app.service.models["model"].loaded.engine, "predict", broken)
    answered = app.predict({"text": secret})
    assert (answered.status_code, [*answered.json()]) == (500, ["error"])
    failure, request = app.log
    assert (failure["event"], failure["error"]) == ("failure", "KeyError")
    assert any("test_app.py" in place for place in failure["where"])
    assert (request["status"], request["level"]) == (500, "error")
    assert secret not in app.stream.getvalue()


def test_metrics_count_what_happened(sample_model):
    app = App([sample_model])
    app.ask_all([("POST", "/v1/predict", {"json": {"texts": ["a", "b"]}}) for _ in range(3)])
    app.predict({"text": 1})
    lines = app.ask("GET", "/metrics").text.splitlines()
    for line in (
        'wave_network_requests_total{endpoint="predict",status="200"} 3.0',
        'wave_network_requests_total{endpoint="predict",status="422"} 1.0',
        'wave_network_request_seconds_count{endpoint="predict"} 4.0',
        'wave_network_texts_total{model="model"} 6.0',
        "wave_network_batch_texts_count 1.0",  # all three together
        "wave_network_batch_texts_sum 6.0",
        "wave_network_waiting_texts 0.0",
    ):
        assert line in lines
    assert [line["endpoint"] for line in app.log] == ["predict"] * 4


def test_a_draining_worker_is_not_ready_and_closes_connections(sample_model):
    app = App([sample_model], keys=["k" * 16])
    assert app.ask("GET", "/readyz").json()["status"] == "ready"
    app.service.draining = True
    for _ in range(2):
        refused = app.predict({"text": "a"})
        assert (refused.status_code, refused.headers["connection"]) == (401, "close")
    ready = app.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    key = {"Authorization": f"Bearer {'k' * 16}"}
    answered = app.ask("POST", "/v1/predict", json={"text": "a"}, headers=key)
    assert (answered.status_code, answered.headers["connection"]) == (200, "close")
    assert app.ask("GET", "/healthz").json() == {"status": "ok"}
