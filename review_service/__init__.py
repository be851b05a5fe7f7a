"""Agents, their reviews of loans, and the decisions they make."""
