"""Loan applications and their automated decision."""
