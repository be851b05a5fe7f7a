"""The usual way: FastAPI, the SQLAlchemy ORM, psycopg2, one commit a request.

Run with `python -m bench.peers.monolith PORT`; the database is that of MONOLITH_DATABASE_URL.
"""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID, uuid4

import phonenumbers
import uvicorn
from fastapi import Depends, FastAPI, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Numeric, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

THREADS = 40
"""How many threads FastAPI runs plain functions on: each can hold a connection."""


class LoanType(StrEnum):
    """The purpose of a loan."""

    PERSONAL = "PERSONAL"
    HOME = "HOME"
    AUTO = "AUTO"
    BUSINESS = "BUSINESS"


class Entity(DeclarativeBase):
    """What is stored."""


class LoanRow(Entity):
    """One loan application."""

    __tablename__ = "loans"
    __table_args__ = (CheckConstraint("loan_amount BETWEEN 0.01 AND 10000000"),)

    loan_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    customer_name: Mapped[str]
    customer_phone: Mapped[str] = mapped_column(index=True)
    loan_amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    currency_code: Mapped[str]
    loan_type: Mapped[str]
    application_status: Mapped[str] = mapped_column(default="APPLIED", index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    history: Mapped[list["EventRow"]] = relationship()


class EventRow(Entity):
    """One entry of a loan's history."""

    __tablename__ = "loan_events"

    event_id: Mapped[int] = mapped_column(primary_key=True)
    loan_id: Mapped[UUID] = mapped_column(ForeignKey("loans.loan_id"), index=True)
    to_status: Mapped[str]
    actor: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def _canonical(phone: str) -> str:
    try:
        number = phonenumbers.parse(phone, "US")
    except phonenumbers.NumberParseException:
        raise ValueError("must be a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("must be a phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Application(BaseModel):
    """What the customer fills in."""

    customer_name: str = Field(min_length=1, max_length=200)
    customer_phone: Annotated[str, Field(min_length=3, max_length=32), AfterValidator(_canonical)]
    loan_amount: Decimal = Field(gt=0, le=10_000_000, decimal_places=2)
    currency_code: str = Field("USD", pattern="^[A-Z]{3}$")
    loan_type: LoanType


class Loan(BaseModel):
    """A loan as callers see it."""

    model_config = ConfigDict(from_attributes=True)

    loan_id: UUID
    customer_name: str
    customer_phone: str
    loan_amount: Decimal
    currency_code: str
    loan_type: LoanType
    application_status: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: LoanRow) -> Self:
        """Read it from its row."""
        return cls.model_validate(row)


engine = create_engine(os.environ["MONOLITH_DATABASE_URL"], pool_size=THREADS, max_overflow=0)
sessions = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


def session() -> Iterator[Session]:
    """A session for one request."""
    with sessions() as opened:
        yield opened


@app.post("/api/v1/loans", status_code=201)
def submit_loan(application: Application, response: Response, tx: Annotated[Session, Depends(session)]) -> Loan:
    """Store an application and the first entry of its history."""
    row = LoanRow(**application.model_dump(mode="python"), history=[EventRow(to_status="APPLIED", actor="customer")])
    tx.add(row)
    tx.commit()
    response.headers["Location"] = f"/api/v1/loans/{row.loan_id}"
    return Loan.of(row)


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that it runs."""
    return {"status": "ok"}


if __name__ == "__main__":
    Entity.metadata.create_all(engine)
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
