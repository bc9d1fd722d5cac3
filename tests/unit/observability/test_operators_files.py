"""The dashboard, the alert rules and docs/observability.md, held to one another and to the code."""

import re

import pytest
from prometheus_client import CollectorRegistry

from caption_studio.counts import Counter
from caption_studio.observability import exposition
from caption_studio.observability.metrics import Metrics
from caption_studio.observability.proxy_metrics import proxy_registry
from caption_studio.observability.stage_metrics import captioner_registry, describer_registry
from caption_studio.records import CaptionerLoad, DescriberLoad
from tests.operators_files import ROOT, expressions, panels, rules
from tests.promql import metric_names

DOC = (ROOT / "docs" / "observability.md").read_text()
SEVERITIES = {"critical", "warning"}


def defined() -> dict[str, str]:
    """Every metric that the code defines, with its type."""
    none = Counter((1.0,)).read()
    registries: list[CollectorRegistry] = [
        Metrics().registry,
        describer_registry(lambda: DescriberLoad(0, 0, none, none)),
        captioner_registry(lambda: CaptionerLoad(0, 0, 0, 0.0, none)),
        proxy_registry(dict),
    ]
    types = {"caption_studio_replicas": "gauge"}
    for registry in registries:
        read = exposition.read(registry, deployment="d", replica="r", at_s=0.0)
        for family in read.families:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            types[name] = family.type
    return types


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (le, a) (rate(x_total{a="b", c=~"d(e)"}[5m])) / y > 1e3', {"x_total", "y"}),
        ("histogram_quantile(0.99, sum by (le) (rate(z_bucket[$__interval]))) > 5", {"z_bucket"}),
        ('sum(a_b) > 0 unless on() c{x="y{z}"}', {"a_b", "c"}),
        ("absent(up) and 2 * job:rate5m:sum", {"up", "job:rate5m:sum"}),
        ("sum without (a) (b) > 1 unless ignoring (c) d", {"b", "d"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert metric_names(expression) == names


def test_every_rule_says_what_prometheus_and_its_reader_need() -> None:
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"CaptionStudio[A-Z]\w+", rule["alert"])
        assert re.fullmatch(r"\d+m", rule["for"]), rule["alert"]
        assert set(rule["labels"]) == {"severity"}, rule["alert"]
        assert rule["labels"]["severity"] in SEVERITIES, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "runbook"}, rule["alert"]
        assert rule["annotations"]["summary"].endswith("."), rule["alert"]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert len(alerts) == len(set(alerts))
    assert sorted(re.findall(r"^### (CaptionStudio\w+)$", DOC, flags=re.MULTILINE)) == sorted(
        alerts
    )
    for rule in rules():
        expected = f"docs/observability.md#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook"] == expected


def test_refusals_hide_no_errors() -> None:
    (rule,) = (rule for rule in rules() if rule["alert"] == "CaptionStudioErrors")
    _, all_requests = rule["expr"].split(" / ")
    assert 'status!~"401|403|429"' in all_requests


def test_brackets_are_closed_and_thresholds_stand() -> None:
    for where, expression in expressions().items():
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), where
    for rule in rules():
        assert re.search(r"(?:[<>]|==) \d|absent\(", rule["expr"]), rule["alert"]


def test_the_dashboards_panels_have_their_own_places() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_document_lists_every_metric_with_its_type_and_no_other() -> None:
    listed = dict(re.findall(r"^\| `(caption_studio_\w+)` \| (\w+) \|", DOC, flags=re.MULTILINE))
    assert listed == defined()


def test_names_follow_prometheus() -> None:
    for name, kind in defined().items():
        assert (kind == "counter") == name.endswith("_total"), name
        if "duration" in name or "latency" in name or "time_to" in name:
            assert name.endswith("_seconds"), name
