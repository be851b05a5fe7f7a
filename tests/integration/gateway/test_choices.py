"""Where other gateways disagree: what this one does, a test for each choice that no other test is named after."""

import json
from typing import Any

import pytest
from google.protobuf import json_format

from gateway import bootstrap
from gateway.rules import InvalidRulesError
from tests.integration.gateway.stand import PACKAGE, WEATHER, Running, Stand, Weather
from tests.unit.gateway import protos


@pytest.fixture
def asked(weather: Weather) -> list[dict[str, Any]]:
    """The requests that come to GetStation, ListStations and CreateStation."""
    found: list[dict[str, Any]] = []

    async def behave(request: Any, _context: Any) -> Any:
        found.append(json_format.MessageToDict(request, preserving_proto_field_name=True))
        return weather.make("ListStationsResponse" if hasattr(request, "filter") else "Station")

    weather.behaviours |= dict.fromkeys(("GetStation", "ListStations", "CreateStation"), behave)
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/stations/a%2Fb", "stations/a%2Fb"),  # several segments: an escaped slash is no border between them
        ("/v1/stations/%61%20%C3%A4", "stations/a \u00e4"),
        ("/v1/paths/a/b%2fc", "a/b%2fc"),
        ("/v1/%73tations/a", "stations/a"),
        ("/v1/stations/a+b", "stations/a+b"),
    ],
)
def test_percent_decoding_leaves_an_escaped_slash_in_a_variable_of_several_segments(
    gateway: Running, asked: list[dict[str, Any]], path: str, name: str
) -> None:
    assert gateway.client.get(path).status_code == 200
    assert asked == [{"name": name}]


def test_a_plus_is_a_space_in_a_query_and_a_plus_in_a_path(gateway: Running, asked: list[dict[str, Any]]) -> None:
    gateway.client.get("/v1/stations/a+b?language=a+b%2B")
    assert asked == [{"name": "stations/a+b", "language": "a b+"}]


@pytest.mark.parametrize("is_first", [True, False])
def test_the_most_specific_template_wins_whatever_the_order_in_the_proto(
    stand: Stand, asked: list[dict[str, Any]], *, is_first: bool
) -> None:
    method = 'rpc Any(GetStationRequest) returns (Station) { option (google.api.http) = {get: "/v1/{name=**}"}; }'
    head, name, tail = WEATHER.partition("service Stations {" if is_first else "  rpc GetPicture(")
    text = f"{head}{name}\n{method}\n{tail}" if is_first else f"{head}{method}\n{name}{tail}"
    with stand.gateway(descriptor_set=protos.compiled(text)) as running:
        assert running.client.get("/v1/stations/a").status_code == 200
        assert running.client.get("/v1/elsewhere/a").status_code == 501  # the service does not know the new method
    assert asked == [{"name": "stations/a"}]


def test_two_equal_templates_with_one_method_are_refused_at_start_up() -> None:
    text = WEATHER.replace('get: "/v1/stations:list"', 'get: "/v1/{filter.words=stations/*}"')
    with pytest.raises(InvalidRulesError, match=r"matches what weather\.v1\.Stations\.GetStation matches"):
        bootstrap.build_app(protos.compiled(text), {PACKAGE: "localhost:1"})


def test_the_text_after_the_last_colon_is_a_verb_where_one_is_served_and_a_part_of_the_value_elsewhere(
    gateway: Running, asked: list[dict[str, Any]], weather: Weather
) -> None:
    gateway.client.post("/v1/stations/a:b:measure")
    gateway.client.get("/v1/stations/a:measure")
    gateway.client.get("/v1/stations/a:other")
    assert [name for name, _, _ in weather.calls] == ["Measure", "GetStation", "GetStation"]
    assert [each["name"] for each in asked] == ["stations/a:measure", "stations/a:other"]


@pytest.mark.parametrize("path", ["/v1/**/x", "/v1/{name=**}/x", "/v1/{name=**/x}"])
def test_a_double_star_before_another_segment_is_refused_at_start_up(path: str) -> None:
    text = WEATHER.replace("/v1/paths/{name=**}", path)
    with pytest.raises(InvalidRulesError, match="must be the last segment"):
        bootstrap.build_app(protos.compiled(text), {PACKAGE: "localhost:1"})


@pytest.mark.parametrize(
    ("query", "content"),
    [("size=1&size=1", ""), ("filter.words=a&filter.words=b", ""), ("", '{"title": "a", "title": "a"}')],
)
def test_two_values_for_a_singular_field_are_400(
    gateway: Running, asked: list[dict[str, Any]], query: str, content: str
) -> None:
    answered = gateway.client.request("POST" if content else "GET", f"/v1/stations?{query}", content=content)
    assert (answered.status_code, asked) == (400, [])
    assert "is given more than once" in answered.json()["message"]


def test_an_unknown_enum_number_is_taken_and_shown_as_a_number_and_an_unknown_name_is_400(
    gateway: Running, asked: list[dict[str, Any]]
) -> None:
    assert gateway.client.post("/v1/stations", content=json.dumps({"kind": 7})).status_code == 201
    assert gateway.client.get("/v1/stations?filter.kinds=7&filter.kinds=SEA").status_code == 200
    assert asked == [{"station": {"kind": 7}}, {"filter": {"kinds": [7, "SEA"]}}]
    assert gateway.client.post("/v1/stations", content=json.dumps({"kind": "AIR"})).status_code == 400


def test_a_query_parameter_never_overwrites_the_path_or_the_body(gateway: Running, asked: list[dict[str, Any]]) -> None:
    gateway.client.get("/v1/stations/a?name=stations/b")
    gateway.client.post("/v1/stations?station.title=b&station.kind=SEA", content='{"title": "a"}')
    assert asked == [{"name": "stations/a"}, {"station": {"title": "a"}}]


def test_names_in_json_form_are_understood_and_names_of_the_proto_are_answered(
    gateway: Running, asked: list[dict[str, Any]]
) -> None:
    gateway.client.post("/v1/stations?isRehearsal=true", content="{}")
    assert asked == [{"station": {}, "is_rehearsal": True}]
