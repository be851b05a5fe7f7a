"""Load: wrk for HTTP, a small asyncio client for gRPC."""
