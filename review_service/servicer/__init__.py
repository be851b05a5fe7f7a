"""The review service over gRPC: decode, open a transaction, use case, encode."""

from review_service.servicer.inside import ReviewInternalServicer
from review_service.servicer.outside import ReviewServicer

__all__ = ["ReviewInternalServicer", "ReviewServicer"]
