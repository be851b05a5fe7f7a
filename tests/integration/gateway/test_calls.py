"""Calls with one answer, through a real server to a real service."""

from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from tests.integration.gateway.stand import Running, Stand, Weather

STATION = {"name": "stations/a", "title": "\u00c4", "kind": "SEA", "altitude": 1.5, "height": "2.50", "serial": "7"}


def echo(weather: Weather, method: str) -> list[dict[str, Any]]:
    """Let a method answer the station it was asked about; the requests come to stand in the list."""
    asked: list[dict[str, Any]] = []

    async def behave(request: Any, _context: Any) -> Any:
        asked.append(json_format.MessageToDict(request, preserving_proto_field_name=True))
        return request.station if hasattr(request, "station") else weather.make("Station", name=request.name)

    weather.behaviours[method] = behave
    return asked


def test_a_get_is_a_call_with_its_path_and_query(gateway: Running, weather: Weather) -> None:
    asked = echo(weather, "GetStation")
    answered = gateway.client.get("/v1/stations/a%20%C3%A4?language=de+AT")
    assert (answered.status_code, answered.json()["name"]) == (200, "stations/a \u00e4")
    assert asked == [{"name": "stations/a \u00e4", "language": "de AT"}]
    assert answered.headers["content-type"] == "application/json"


def test_output_has_proto_names_every_field_with_a_value_and_defaults(gateway: Running, weather: Weather) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        return weather.make("Station", kind=7, altitude=0.0)

    weather.behaviours["GetStation"] = behave
    assert gateway.client.get("/v1/stations/a").json() == {
        "name": "",
        "title": "",
        "kind": 7,
        "altitude": 0.0,
        "height": "",
        "serial": "0",
    }


def test_a_create_answers_201_and_its_location(gateway: Running, weather: Weather) -> None:
    asked = echo(weather, "CreateStation")
    answered = gateway.client.post("/v1/stations?is_rehearsal=true", json=STATION | {"height": 2.5, "serial": 7})
    assert (answered.status_code, answered.headers["location"]) == (201, "/v1/stations/a")
    assert answered.json() == STATION | {"height": "2.5"}
    assert asked == [{"station": STATION | {"height": "2.5"}, "is_rehearsal": True}]


def test_a_number_accepted_for_a_text_keeps_its_written_digits(gateway: Running, weather: Weather) -> None:
    asked = echo(weather, "CreateStation")
    gateway.client.post("/v1/stations", content=b'{"height": 5000.50}', headers={"content-type": "application/json"})
    assert asked == [{"station": {"height": "5000.50"}}]


def test_an_empty_answer_is_204(gateway: Running) -> None:
    answered = gateway.client.delete("/v1/stations/a")
    assert (answered.status_code, answered.content) == (204, b"")
    assert "content-length" not in answered.headers


def test_a_patch_without_mask_is_given_the_names_in_its_body(gateway: Running, weather: Weather) -> None:
    asked = echo(weather, "UpdateStation")
    gateway.client.patch("/v1/stations/a", json={"title": None, "kind": "LAND"})
    gateway.client.patch("/v1/stations/a?update_mask=title", json={"kind": "LAND"})
    assert [each["update_mask"] for each in asked] == ["title,kind", "title"]
    assert asked[0]["station"] == {"name": "stations/a", "kind": "LAND"}


def test_a_custom_method_and_an_additional_binding_are_served(gateway: Running, weather: Weather) -> None:
    assert gateway.client.request("PURGE", "/v1/stations/a").status_code == 204
    asked = echo(weather, "GetStation")
    gateway.client.get("/v1/paths/a%2Fb/c%20d")
    assert asked == [{"name": "a%2Fb/c d"}]  # in a variable of several segments an escaped slash stays escaped


def test_a_field_of_the_answer_can_be_the_body(gateway: Running, weather: Weather) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        return weather.make("ListStationsResponse", stations=[weather.make("Station", name="a")])

    weather.behaviours["ListStations"] = behave
    assert [each["name"] for each in gateway.client.get("/v1/stations:list").json()] == ["a"]
    assert gateway.client.get("/v1/stations").json()["stations"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("request_line", "content", "status", "field"),
    [
        # Strict: unknown parameters and fields are refused with the dotted path.
        ("GET /v1/stations?nothing=1", "", 400, "nothing"),
        ("GET /v1/stations?filter.nothing=1", "", 400, "filter.nothing"),
        ("POST /v1/stations", '{"nothing": 1}', 400, "station.nothing"),
        # An unknown enum name, two values for a singular field, a text that is no number.
        ("GET /v1/stations?filter.kinds=LAND&filter.kinds=AIR", "", 400, "filter.kinds"),
        ("POST /v1/stations", '{"kind": "AIR"}', 400, "station.kind"),
        ("GET /v1/stations?size=1&size=2", "", 400, "size"),
        ("GET /v1/stations?size=x", "", 400, "size"),
        ("POST /v1/stations", '{"title": 1}', 400, "station.title"),
        ("POST /v1/stations", "[]", 400, "station"),
        # What is not UTF-8, not escaped, not JSON, or followed by something.
        ("GET /v1/stations/%FF", "", 400, None),
        ("GET /v1/stations/%zz", "", 400, None),
        ("GET /v1/stations?size=%", "", 400, None),
        ("POST /v1/stations", "{", 400, None),
        ("POST /v1/stations", "{} {}", 400, None),
        # Paths that are unknown, a trailing slash among them.
        ("GET /v1/stations/a/", "", 404, None),
        ("GET /v1/stations/", "", 404, None),
        ("GET /v2/stations", "", 404, None),
        ("GET /", "", 404, None),
    ],
)
def test_what_is_wrong_with_a_request_is_told_with_the_dotted_path(
    gateway: Running, request_line: str, content: str, status: int, field: str | None
) -> None:
    method, path = request_line.split(" ", 1)
    answered = gateway.client.request(method, path, content=content, headers={"content-type": "application/json"})
    assert answered.status_code == status
    found = [each["field"] for each in answered.json()["details"][0]["field_violations"]] if field else []
    assert found == ([field] if field else answered.json()["details"])


def test_a_query_beside_a_whole_body_is_ignored_but_for_what_is_allowed(stand: Stand, gateway: Running) -> None:
    asked: list[str] = []

    async def behave(request: Any, _context: Any) -> Any:
        asked.append(f"{request.name} {request.quantity} {request.unit}")
        return stand.weather.make("Reading")

    stand.weather.behaviours["Measure"] = behave
    path = "/v1/stations/a:measure?unit=K&quantity=q&name=stations/b&nothing=1"
    gateway.client.post(path, json={"quantity": "t"})
    with stand.gateway(query_with_body="unit,name") as allowing:
        allowing.client.post(path, json={"quantity": "t"})
    assert asked == ["stations/a t ", "stations/a t K"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("Application/JSON; charset=utf-8", 201),
        ("", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
    ],
)
def test_a_body_of_another_type_is_415(gateway: Running, content_type: str, status: int) -> None:
    answered = gateway.client.post("/v1/stations", content=b"{}", headers={"content-type": content_type})
    assert answered.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/stations", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v1/stations/a", "DELETE, GET, HEAD, OPTIONS, PATCH, PURGE"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_the_wrong_method_on_a_known_path_is_405_with_allow(
    gateway: Running, method: str, path: str, allow: str
) -> None:
    answered = gateway.client.request(method, path)
    assert (answered.status_code, answered.headers["allow"]) == (405, allow)
    assert answered.json()["code"] == 12


def test_head_on_a_get_route_answers_the_headers_alone(gateway: Running, weather: Weather) -> None:
    whole, head = gateway.client.get("/v1/stations/a"), gateway.client.head("/v1/stations/a")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert weather.count("GetStation") == 2
    assert gateway.client.head("/v1/stations/a:measure").status_code == 200
    assert gateway.client.head("/v1/talk").status_code == 405
    assert gateway.client.head("/nothing").status_code == 404


def test_options_is_answered_by_the_gateway_with_allow(gateway: Running, weather: Weather) -> None:
    answered = gateway.client.options("/v1/stations")
    assert (answered.status_code, answered.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert gateway.client.options("/nothing").status_code == 404
    assert weather.calls == []


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_an_error_has_its_status_and_its_details(gateway: Running, weather: Weather, code: grpc.StatusCode) -> None:
    status = status_pb2.Status(code=code.value[0], message="because")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="WHY", domain="test"))
    status.details.add(type_url="x/unknown.Type", value=b"a")
    trailing = (("grpc-status-details-bin", status.SerializeToString()), ("tenant", "t"), ("etag", "e"))
    weather.fail("Measure", code, trailing=trailing)
    answered = gateway.client.post("/v1/stations/a:measure")
    expected = {1: 499, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 501, 14: 503}
    assert answered.status_code == ({16: 401} | expected).get(code.value[0], 500)
    assert answered.json() == {
        "code": code.value[0],
        "message": "because",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "WHY", "domain": "test", "metadata": {}},
            {"@type": "x/unknown.Type", "value": "YQ=="},
        ],
    }
    assert (answered.headers["grpc-metadata-tenant"], answered.headers["etag"]) == ("t", "e")
    assert ("retry-after" in answered.headers) == (code.value[0] in (8, 14))
    assert ("www-authenticate" in answered.headers) == (code.value[0] == 16)


def test_an_exception_in_the_service_is_500_and_tells_nothing_of_the_inside(gateway: Running, weather: Weather) -> None:
    async def behave(_request: Any, _context: Any) -> Any:
        raise RuntimeError("a secret in /srv/service.py")

    weather.behaviours["Measure"] = behave
    answered = gateway.client.post("/v1/stations/a:measure")
    assert (answered.status_code, answered.json()["message"]) == (500, "the service failed")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_streams_in_both_directions_are_501(gateway: Running, method: str) -> None:
    assert gateway.client.request(method, "/v1/talk", content=b"{}").status_code == (501 if method == "POST" else 405)


def test_only_chosen_headers_go_upstream(gateway: Running, weather: Weather) -> None:
    sent = {
        "authorization": "Bearer x",
        "idempotency-key": "k",
        "x-request-id": "r",
        "traceparent": "00-1-2-01",
        "tracestate": "a=b",
        "accept-language": "de",
        "grpc-metadata-tenant": "t",
        "grpc-metadata-x-bin": "AP8=",
        "cookie": "c",
        "x-other": "o",
        "grpc-metadata-grpc-x": "g",
    }
    answered = gateway.client.get("/v1/stations/a", headers=sent)
    metadata = weather.calls[0][1]
    for name in ("authorization", "idempotency-key", "x-request-id", "traceparent", "tracestate", "accept-language"):
        assert metadata[name] == sent[name]
    assert (metadata["tenant"], metadata["x-bin"]) == ("t", b"\0\xff")
    assert not metadata.keys() & {"cookie", "x-other", "grpc-x", "host", "accept", "content-length"}
    assert answered.headers["x-request-id"] == "r"


def test_metadata_comes_back_the_known_by_their_names_the_rest_with_a_prefix(
    gateway: Running, weather: Weather
) -> None:
    async def behave(_request: Any, context: Any) -> Any:
        await context.send_initial_metadata((("etag", '"1"'), ("tenant", "t")))
        context.set_trailing_metadata((("idempotent-replayed", "true"), ("set-cookie", "a=b"), ("key-bin", b"\0")))
        return weather.make("Station")

    weather.behaviours["GetStation"] = behave
    headers = gateway.client.get("/v1/stations/a").headers
    assert (headers["etag"], headers["idempotent-replayed"]) == ('"1"', "true")
    assert (headers["grpc-metadata-tenant"], headers["grpc-metadata-key-bin"]) == ("t", "AA==")
    assert "set-cookie" not in headers


def test_a_request_id_is_made_up_if_none_is_sent_or_it_is_not_sane(gateway: Running, weather: Weather) -> None:
    first = gateway.client.get("/v1/stations/a").headers["x-request-id"]
    second = gateway.client.get("/v1/stations/a", headers={"x-request-id": "a b"}).headers["x-request-id"]
    assert len({first, second, "a b"}) == 3
    assert [each[1]["x-request-id"] for each in weather.calls] == [first, second]
    assert gateway.client.get("/nothing", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"
