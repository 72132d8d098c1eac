"""What several tests of the network ask for."""

import pytest
from cells import MAKERS, Case, case_called


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest, cache_folder: None) -> Case:
    """Each kind of step whose arithmetic is looked at."""
    return case_called(request.param)
