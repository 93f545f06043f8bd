"""Fixtures for the tests of listings."""

from fixtures.install import install, only, site

__all__ = ["install", "only", "site"]
