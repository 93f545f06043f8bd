"""Fixtures for the tests of blocks."""

from fixtures.install import install, only, site

__all__ = ["install", "only", "site"]
