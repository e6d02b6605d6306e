"""What a stat shows and on which colour, as Grafana decides it from the board's file."""

from queries import all_panels, boards


def panels(board: str) -> list[dict]:
    return [panel for panel in all_panels(boards()[board]) if panel["type"] != "row"]


def panel(board: str, title: str) -> dict:
    (found,) = [panel for panel in panels(board) if panel["title"] == title]
    return found


def row(board: str, title: str) -> list[dict]:
    """The panels of an open row."""
    panels, inside = [], False
    for one in boards()[board]["panels"]:
        if one["type"] == "row":
            inside = one["title"] == title
        elif inside:
            panels.append(one)
    assert panels, f"no row `{title}` on {board}"
    return panels


def _mapped(mappings: list[dict], value: float) -> dict:
    """What the first fitting value mapping makes of it."""
    for mapping in mappings:
        options = mapping["options"]
        if mapping["type"] == "range":
            low, high = options["from"], options["to"]
            if (low is None or value >= low) and (high is None or value <= high):
                return options["result"]
        elif mapping["type"] == "value":
            if result := options.get(f"{value:g}"):
                return result
    return {}


def colour(panel: dict, ref: str, value: float | None) -> str:
    """The colour a query's number stands on; without one it is the base colour."""
    defaults = panel["fieldConfig"]["defaults"]
    steps = defaults["thresholds"]["steps"]
    if value is None:
        return steps[0]["color"]
    legend = next(target["legendFormat"] for target in panel["targets"] if target["refId"] == ref)
    properties = {
        one["id"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"] == {"id": "byName", "options": legend}
        for one in override["properties"]
    }
    if mapped := _mapped(properties.get("mappings", defaults.get("mappings", [])), value).get("color"):
        return mapped
    chosen = properties.get("color", defaults["color"])
    if chosen["mode"] == "fixed":
        return chosen["fixedColor"]
    steps = properties.get("thresholds", defaults["thresholds"])["steps"]
    return [step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]


def text(panel: dict, value: float) -> str | None:
    return _mapped(panel["fieldConfig"]["defaults"]["mappings"], value).get("text")
