"""Fixtures for the tests of plugins."""

from fixtures.install import install, only, site

__all__ = ["install", "only", "site"]
