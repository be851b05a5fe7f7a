"""An upstream that returns at another address, as a container does that was made anew."""

import asyncio

from gateway.upstream import Upstream
from tests.integration.moving import moving


def test_an_upstream_that_moved_is_found_long_before_grpc_alone_would_ask_for_its_address_again() -> None:
    async def follow() -> None:
        with moving() as peer:
            upstream = Upstream("any", peer.target, answer_max_bytes=1_000)
            assert await upstream.health() == "SERVING"
            await asyncio.to_thread(peer.move)
            async with asyncio.timeout(15):  # gRPC's own figure is 30 seconds
                while await upstream.health() != "SERVING":  # noqa: ASYNC110 -- it can only be asked
                    await asyncio.sleep(0.1)
            await upstream.close()

    asyncio.run(follow())
