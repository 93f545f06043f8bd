"""Fixtures for the tests of the conformance kit."""

from __future__ import annotations

from fixtures.install import install, only, site

__all__ = ["install", "only", "site"]
