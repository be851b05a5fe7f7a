"""The bounds on everything a client can ask for."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """How much of everything there may be; each field says of what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_max_bytes: int = Field(4 * 1024 * 1024, gt=0, description="a request's body, after decompression")
    body_timeout_s: float = Field(10.0, gt=0, description="how long a request's body may take to arrive")
    upload_max_bytes: int = Field(64 * 1024 * 1024, gt=0, description="a request's body that is streamed upstream")
    connections_max: int = Field(8_192, gt=0, description="connections open at once, idle ones counted")
    idle_timeout_s: float = Field(30.0, ge=1, description="how long a connection may be idle between two requests")
    head_timeout_s: float = Field(10.0, gt=0, description="how long a request's line and headers may take to arrive")
    headers_max: int = Field(100, gt=0, description="the number of a request's headers")
    headers_max_bytes: int = Field(16 * 1024, gt=0, description="their names and values together")
    url_max_bytes: int = Field(8 * 1024, gt=0, description="the path and the query together")
    metadata_max_bytes: int = Field(8_000, gt=0, description="the headers that go upstream together")
    answer_max_bytes: int = Field(16 * 1024 * 1024, gt=0, description="one message from an upstream")
    depth_max: int = Field(100, gt=0, description="how deep a JSON body may be nested")
    requests_max: int = Field(1_024, gt=0, description="requests under way at once, streams not counted")
    streams_max: int = Field(4_096, gt=0, description="streams open at once")
    deadline_s: float = Field(10.0, gt=0, description="how long a call may take if the client names no deadline")
    deadline_max_s: float = Field(60.0, gt=0, description="the longest deadline a client can name")
    stream_max_s: float = Field(3_600.0, gt=0, description="how long a stream may last")
    send_timeout_s: float = Field(30.0, gt=0, description="how long a client may take nothing of what it is sent")
    settle_s: float = Field(1.0, gt=0, description="how long a stream may give nothing before it is taken to be open")
    keep_alive_s: float = Field(15.0, gt=0, description="how long a stream of events may be silent without a comment")
    address_rate: float = Field(
        200.0, ge=0, allow_inf_nan=False, description="requests a second from one address; 0 for no limit"
    )
    address_burst: float = Field(400.0, ge=1, allow_inf_nan=False, description="how many of them may come at once")
    principal_rate: float = Field(
        100.0, ge=0, allow_inf_nan=False, description="calls a second with one subject's tokens; 0 for no limit"
    )
    principal_burst: float = Field(200.0, ge=1, allow_inf_nan=False, description="how many of them may come at once")
    creation_rate: float = Field(
        50.0, ge=0, allow_inf_nan=False, description="calls a second that make something new; 0 for no limit"
    )
    creation_burst: float = Field(100.0, ge=1, allow_inf_nan=False, description="how many of them may come at once")
    forgery_rate: float = Field(
        0.2, ge=0, allow_inf_nan=False, description="invalid tokens a second from one address; 0 for no limit"
    )
    forgery_burst: float = Field(20.0, ge=1, allow_inf_nan=False, description="how many of them may come at once")
    callers_max: int = Field(100_000, gt=0, description="callers that are remembered for each of these limits")
    proxies: int = Field(0, ge=0, le=10, description="proxies of ours in front, whose X-Forwarded-For is believed")
    recent_max: int = Field(1_024, gt=0, description="events that a shared stream keeps for who resumes or is slow")
