"""Which labels the result of an expression has, by the rules of PromQL."""

import catalogue
import promql_parser
from promql_parser import VectorMatchCardinality as Card

# Binary operators that take whole series from their sides.
_SETS = {"and", "or", "unless"}


class NoSuchLabel(Exception):
    """An expression groups or joins by a label that is not there at that point."""


def _need(wanted: set[str], there: set[str], where: object):
    if missing := wanted - there:
        raise NoSuchLabel(f"{sorted(missing)} not in {sorted(there)}: {where}")


def _of_series(name: str) -> set[str]:
    metric = catalogue.by_series().get(name)
    labels = catalogue.FOREIGN[name] if metric is None else metric.labels
    return {*labels, *catalogue.TARGET_LABELS} | ({"le"} if name.endswith("_bucket") else set())


def _of_binary(node) -> set[str]:
    left, right = labels_of(node.lhs), labels_of(node.rhs)
    vectors = [side for side in (node.lhs, node.rhs) if not _is_scalar(side)]
    if len(vectors) < 2:
        return left | right
    modifier, operator = node.modifier, str(node.op)
    on = set(modifier.matching.labels) if modifier and modifier.matching else None
    if on is not None:
        _need(on, left, node)
        _need(on, right, node)
    if operator in _SETS:
        return left | right if operator == "or" else left
    carried = set(modifier.group_labels or []) if modifier else set()
    if modifier and modifier.card == Card.ManyToOne:
        _need(carried, right, node)
        return left | carried
    if on is None:
        _need(left, right, node)
        _need(right, left, node)
        return left
    # A comparison that filters keeps what stands on its left, with the labels it is matched on.
    return on


def _is_scalar(node) -> bool:
    kind = type(node).__name__
    if kind == "ParenExpr":
        return _is_scalar(node.expr)
    if kind == "BinaryExpr":
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    if kind == "UnaryExpr":
        return _is_scalar(node.expr)
    return kind == "NumberLiteral" or (kind == "Call" and node.func.name in {"time", "scalar"})


def labels_of(node) -> set[str]:
    """Labels that series of the result may have. Raises `NoSuchLabel` where a label is used that is not there."""
    kind = type(node).__name__
    if kind in ("NumberLiteral", "StringLiteral"):
        return set()
    if kind in ("ParenExpr", "SubqueryExpr", "UnaryExpr"):
        return labels_of(node.expr)
    if kind == "VectorSelector":
        return _of_series(node.name)
    if kind == "MatrixSelector":
        return labels_of(node.vector_selector)
    if kind == "BinaryExpr":
        return _of_binary(node)
    if kind == "AggregateExpr":
        inner = labels_of(node.expr)
        if str(node.op) in ("topk", "bottomk"):
            return inner
        by = set(node.modifier.labels) if node.modifier else set()
        _need(by, inner, node)
        return by | {node.param.val} if str(node.op) == "count_values" else by
    if kind == "Call":
        inner = set().union(*(labels_of(arg) for arg in node.args))
        if node.func.name in ("label_replace", "label_join"):
            return inner | {node.args[1].val}
        return inner - {"le"} if node.func.name == "histogram_quantile" else inner
    raise TypeError(f"an expression of a kind not known here: {kind}")


def labels(expression: str) -> set[str]:
    return labels_of(promql_parser.parse(expression))
