"""What several files of tests share."""

from __future__ import annotations

import pytest
from symphony_bridge import pit


@pytest.fixture
def dag() -> pit.Dag:
    return pit.Pit(":memory:").dag
