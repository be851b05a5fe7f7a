"""All servicers of the system: each method of a contract is there, and behind the seam that checks and translates."""

import pytest
from google.protobuf.descriptor import FileDescriptor

from loan_service.servicer import LoanInternalServicer, LoanServicer
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2
from los.review.v1 import review_pb2
from notification_service.servicer import NotificationInternalServicer, NotificationServicer
from review_service.servicer import ReviewInternalServicer, ReviewServicer

FILES: dict[FileDescriptor, tuple[type, type]] = {
    loan_pb2.DESCRIPTOR: (LoanServicer, LoanInternalServicer),
    review_pb2.DESCRIPTOR: (ReviewServicer, ReviewInternalServicer),
    notification_pb2.DESCRIPTOR: (NotificationServicer, NotificationInternalServicer),
}
METHODS = [
    (servicer, method.name)
    for file, servicers in FILES.items()
    for service, servicer in zip(file.services_by_name.values(), servicers, strict=True)
    for method in service.methods
]


@pytest.mark.parametrize(("servicer", "name"), METHODS, ids=lambda part: getattr(part, "__name__", part))
def test_no_method_is_called_before_the_rules_of_its_contract_are_asked(servicer: type, name: str) -> None:
    assert hasattr(getattr(servicer, name), "__wrapped__"), f"{servicer.__name__}.{name} lacks @rpc.rpc"
