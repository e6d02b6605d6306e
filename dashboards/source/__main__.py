"""Writes the dashboards beside this folder: `python3 dashboards/source`, or `make dashboards`."""

import pathlib

from board import text_of
from boards import BOARDS

for model in BOARDS:
    path = pathlib.Path(__file__).resolve().parents[1] / f"{model['uid']}.json"
    path.write_text(text_of(model), encoding="utf-8")
