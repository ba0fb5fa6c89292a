"""schemathesis asks what the document allows, and much that it does not: no answer is a failure of the server, and each is as
the document says."""

import os
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.contract.openapi_document import DOCUMENT
from tests.contract.service import Service
from tests.contract.tiny_service import RANKER, TINY

#: What would ask registries, elsewhere.
ELSEWHERE = ["/api/pull", "/api/push", "/api/hearth/registries", "/api/hearth/jobs", "/api/hearth/estimate"]
#: What measures the machine first, for seconds.
SLOW = ["/api/hearth/machine", "/api/hearth/catalogue"]
#: Examples of each operation; more by hand.
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "3"))

schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.exclude(path=ELSEWHERE, method="POST").exclude(path=SLOW).parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_operation_never_fails(case: Case, tiny: Service) -> None:
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str) and case.method == "POST":
        change(case.path, case.body)
    response = case.call(base_url=tiny.url, timeout=60)
    if response.status_code not in (503, 507):
        case.validate_response(response, checks=[not_a_server_error, response_schema_conformance, content_type_conformance])


def change(path: str, body: dict[str, Any]) -> None:
    """Of a model that is there, so that there is something to do."""
    body["model"] = RANKER if "rerank" in path else TINY
    if path == "/api/create":
        body |= {"model": "made", "from": TINY}


def test_operations_of_elsewhere_are_the_only_ones_left_out() -> None:
    assert set(ELSEWHERE) < set(DOCUMENT["paths"])
    assert schema.statistic.operations.total > 40
