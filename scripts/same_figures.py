#!/usr/bin/env python3
"""Compares the figures of two runs, whose files may be of different versions.

    scripts/same_figures.py OLD_FOLDER NEW_FOLDER [--routers OLD.toml NEW.toml]

A folder is that of a run: reports/<run>. router.toml is looked for in the folder and in the project above it, unless
--routers names the two files. Every field of router.toml, summary.json, results.csv, projection.csv and strategies.csv is
compared, exactly and by name; names that changed from version 1 to version 2 of summary.json are mapped. Sentences are not
compared: reasons, notices, labels, descriptions, the tool and the version.

Prints each difference and how many fields are equal. Exits with 1 on a difference, with 2 on a file that is missing.
Python 3.11 or newer, standard library only.
"""

import argparse
import csv
import json
import re
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

# Path of the field in version 1 (a regular expression; [] stands for any element of a list) -> its name in version 2.
RENAMED = [
    (r"beside", "outside_ladder"),
    (r"run\.stop_early\.settled", "stopped"),
    (r"run\.stop_early\.calls", "calls_saved"),
    (r"run\.stop_early\.cost", "cost_saved"),
    (r"run\.stop_early\.whole", "measured_in_full"),
    (r"spend(\.judge)?\.list", "list_price"),
    (r"tasks\[\]\.confidence_needed", "confidence_required"),
    (r"tasks\[\]\.latency_need", "latency_p95_limit"),
    (r"tasks\[\]\.data_need", "data_location"),
    (r"tasks\[\]\.judge\.labels_needed", "labels_required"),
    (r"tasks\[\]\.judge\.tiers\[\]\.corrected", "calibrated_pass_rate"),
    (r"(tasks\[\]\.cells\[\]|beside\[\]\.cells\[\]\.cell)\.gate_reject", "gate_rejection_rate"),
    (r"(tasks\[\]\.cells\[\]|beside\[\]\.cells\[\]\.cell)\.judged", "uncalibrated_pass_rate"),
    (r"(tasks\[\]\.cells\[\]|beside\[\]\.cells\[\]\.cell)\.settled_early", "stopped_early"),
    (r"projection\.best_single", "cheapest_sufficient_tier"),
    (r"projection\.baselines\[\]\.saving", "savings"),
    (r"strategies\.best_single", "best_single_tier"),
    (r"strategies\.asked", "queries"),
    (r"strategies\.asked\[\]\.list", "list_price"),
    (r"strategies\.flips", "route_flips"),
    (r"strategies\.traffic", "traffic_flips"),
    (r"strategies\.(flips\[\]|first_flip\.route)\.lever", "change"),
    (r"strategies\.(traffic\[\]|first_flip\.traffic)\.share", "traffic_share"),
    (r"strategies\.(traffic\[\]|first_flip\.traffic)\.share_then", "traffic_share_at_flip"),
    (r"strategies\.table\[\](\.in_sample)?\.saving", "savings"),
    (r"strategies\.table\[\]\.over_mix", "gain_over_random"),
    (r"strategies\.classifier\.right", "correct"),
    (r"strategies\.classifier\.named\[\]\.cheapest", "cheapest_passing"),
    (r"strategies\.classifier\.named\[\]\.none", "none_passes"),
    (r"strategies\.gates\[\]\.tiers\[\]\.dead", "rejects_nearly_all_good"),
]

# Values that are names: the same, for the fields that hold them.
RENAMED_VALUES = [
    (r"strategies\.(table\[\]\.id|winner|(traffic\[\]|first_flip\.traffic)\.(from|to))",
     {"mix": "random", "oracle": "perfect-router"}),
    (r"strategies\.(traffic\[\]|first_flip\.traffic)\.what", {"best_single": "best_single_tier"}),
    (r"notices\[\]\.code", {"strategy-unasked": "strategy-unanswered", "classifier-dear": "classifier-costly"}),
]

# Columns of version 1 -> of version 2.
RENAMED_COLUMNS = {
    "saving": "savings", "saving_low": "savings_low", "saving_high": "savings_high",
    "over_mix": "gain_over_random", "over_mix_low": "gain_over_random_low", "over_mix_high": "gain_over_random_high",
    "in_sample_saving": "in_sample_savings",
}

# Values of tables that are names: by file and column.
RENAMED_CELLS = {
    ("strategies.csv", "strategy"): {"mix": "random", "oracle": "perfect-router"},
    ("projection.csv", "what"): {"all on one tier": "all traffic on one tier"},
}

# Sentences and names of the program, which may be worded differently: by the last name of the path.
SENTENCES = {"version", "tool", "reason", "text", "label", "description", "price_note", "capped"}
# The same in tables: `kind` and `what` of strategies.csv are labels.
SENTENCE_COLUMNS = {
    "results.csv": {"reason"}, "projection.csv": set(), "strategies.csv": {"what", "kind"},
}


class Report:
    """Counts what is equal, prints what is not."""

    def __init__(self):
        self.equal, self.different = 0, 0

    def differ(self, place, old, new):
        self.different += 1
        print(f"{place}: {old!r} -> {new!r}")

    def compare(self, place, old, new):
        if type(old) is type(new) and old == new:
            self.equal += 1
        else:
            self.differ(place, old, new)


def upgrade(value, path=""):
    """A document of version 1 with the names of version 2."""
    if isinstance(value, dict):
        renamed = {}
        for key, inner in value.items():
            own = f"{path}.{key}" if path else key
            name = next((new for old, new in RENAMED if re.fullmatch(old, own)), key)
            renamed[name] = upgrade(inner, own)
        return renamed
    if isinstance(value, list):
        return [upgrade(inner, f"{path}[]") for inner in value]
    for pattern, names in RENAMED_VALUES:
        if isinstance(value, str) and re.fullmatch(pattern, path):
            return names.get(value, value)
    return value


def walk(report, place, old, new):
    """Compares two documents field by field."""
    if place.rsplit(".", 1)[-1] in SENTENCES and not isinstance(old, (dict, list)):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in list(old) + [key for key in new if key not in old]:
            if key not in new:
                report.differ(f"{place}.{key}", old[key], "no such field")
            elif key not in old:
                report.differ(f"{place}.{key}", "no such field", new[key])
            else:
                walk(report, f"{place}.{key}", old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            report.differ(place, f"{len(old)} elements", f"{len(new)} elements")
        for at, (one, two) in enumerate(zip(old, new)):
            walk(report, f"{place}[{at}]", one, two)
    else:
        report.compare(place, old, new)


def summary(path):
    document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    if document.get("version") == 1:
        return upgrade(document)
    # Version 2 adds the level of the intervals, where it is not 0.95.
    method = document.get("method", {})
    if method.pop("interval_confidence", None) is not None and not method:
        del document["method"]
    return document


def table(path):
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        names = [RENAMED_COLUMNS.get(name, name) for name in next(rows)]
        return names, list(rows)


def renamed_cell(name, column, cell):
    """The name of version 2 in a cell of version 1."""
    return RENAMED_CELLS.get((name, column), {}).get(cell, cell)


def walk_table(report, name, old, new):
    (old_names, old_rows), (new_names, new_rows) = table(old), table(new)
    if old_names != new_names:
        report.differ(f"{name}: columns", old_names, new_names)
        return
    if len(old_rows) != len(new_rows):
        report.differ(f"{name}: rows", len(old_rows), len(new_rows))
    for line, (one, two) in enumerate(zip(old_rows, new_rows), start=2):
        for column, a, b in zip(old_names, one, two):
            if column not in SENTENCE_COLUMNS[name]:
                report.compare(f"{name}, line {line}, {column}", renamed_cell(name, column, a), b)


def router_of(folder):
    for path in [folder / "router.toml", folder.parent.parent / "router.toml"]:
        if path.is_file():
            return path
    sys.exit(f"no router.toml in {folder} or in the project above it: name both with --routers")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--routers", nargs=2, type=Path, metavar=("OLD.toml", "NEW.toml"))
    arguments = parser.parse_args()
    report = Report()
    total = 0

    def count(name):
        nonlocal total
        print(f"{name}: {report.equal - total} fields are equal")
        total = report.equal

    try:
        routers = arguments.routers or [router_of(arguments.old), router_of(arguments.new)]
        walk(report, "router.toml", *(tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal) for path in routers))
        count("router.toml")
        walk(report, "summary.json", *(summary(folder / "summary.json") for folder in [arguments.old, arguments.new]))
        count("summary.json")
        for name in SENTENCE_COLUMNS:
            walk_table(report, name, arguments.old / name, arguments.new / name)
            count(name)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{report.equal} fields are equal, {report.different} differ")
    return 1 if report.different else 0


if __name__ == "__main__":
    sys.exit(main())
