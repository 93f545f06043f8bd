"""Tools of this repository; no part of any distribution."""
