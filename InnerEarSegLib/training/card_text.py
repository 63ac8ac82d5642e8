"""Write a model's card as Markdown, from the card inside the model file."""

from __future__ import annotations

from typing import Any

from ..model.card import ANY_CT, NETWORKS


def card_text(card: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    training, data = card["training"], card["training"]["data"]
    partial = training["of_these_landmarks_only"]
    lines = [
        f"# {card['name']} {card['version']}",
        "",
        f"Made on {card['date']} by {card['made_by']}. {card['licence']}.",
        "",
        "Three 3D U-Nets of one kind, each with a labyrinth head and a landmark head. `locate`",
        "looks at low resolution, in any pose, and tells where the ear is, how it is turned and",
        "which side it is. `orient` sees it in the canonical pose (left ears mirrored), tells the",
        f"exact pose and draws what a head CT shows. {_refine(card)}",
        "",
        "| network | voxel edge | patch (k, j, i) | parameters | steps | code |",
        "|---|---|---|---|---|---|",
    ]
    for name in NETWORKS:
        of = card[name]
        size = " × ".join(map(str, of["window"]))
        cells = (name, f"{of['spacing_mm']} mm", size, f"{of['parameters']:,}", of["steps"])
        lines.append(f"| {' | '.join(map(str, cells))} | {of['code_revision']} |")
    lines += [
        "",
        "## Trained on",
        "",
        f"{data['authors']}: *{data['name']}*, doi:{data['doi']}, {data['licence']}",
        f"({data['described_in']}).",
        "",
        f"- Specimens: {', '.join(training['trained_on'])}"
        + (f" ({', '.join(partial)}: landmarks only)." if partial else "."),
        f"- Synthetic ears: {training['synthetic_ears']}{_without_synthetic(training)}.",
        f"- Held out, to choose by (so no test cases): "
        f"{', '.join(training['held_out_to_choose_by']) or 'none'}.",
    ]
    lines += [
        f"- `{name}` is that of {card[name]['taken_from']}."
        for name in NETWORKS
        if "taken_from" in card[name]
    ]
    if start := training.get("started_from"):
        inherited = {name: card[name].get("inherited", 0) for name in NETWORKS}
        parts = [f"{count:,} weights of `{name}`" for name, count in inherited.items() if count]
        lines.append(
            f"- Started from {start['name']} {start['version']} (SHA-256 {start['sha256']}), which "
            f"was trained on {', '.join(start['trained_on'])}: {', '.join(parts) or 'no weight'}."
        )
    lines += [f"- {note}" for note in training.get("notes", ())]
    if card["metrics"].get("summary"):
        # Figures are never of this file, whose card they are on.
        model = card["metrics"].get("model")
        whose = "The summary does not say which model these figures are of."
        lines += ["", "## Measured on the held-out specimens", ""]
        lines += [f"Figures of {model}." if model else whose, "", *_measured(card["metrics"])]
    if card.get("crossval"):
        lines += ["", "## Cross-validation", "", *_cross_validated(card["crossval"])]
    lines += [
        "",
        "## Limits",
        "",
        "Trained on CT of temporal-bone specimens at 0.16 to 0.2 mm from one centre. Kernels,",
        "slices and noise of patients' scans were simulated; their heads, malformed, operated or",
        "implanted ears were not in the data.",
        "Not a medical device: check every result against the CT.",
        "",
    ]
    return "\n".join(lines)


def _without_synthetic(training: dict[str, Any]) -> str:
    """Which networks saw no synthetic ear, though others did."""
    setups = {name: training.get("config", {}).get(name, {}) for name in NETWORKS}
    names = [f"`{name}`" for name, of in setups.items() if not of.get("synthetic_ears", True)]
    return f", none for {' and '.join(names)}" if names and training["synthetic_ears"] else ""


def _refine(card: dict[str, Any]) -> str:
    """Which CT the finest network draws."""
    if card["refine"].get("draws") != ANY_CT:
        return "`refine` draws where the CT is finer."
    return (
        "`refine` draws any CT: it was\ntrained on specimens as other scanners would show them, "
        "and knows the mean ear of its\ntraining specimens."
    )


def _measured(content: dict[str, Any]) -> list[str]:
    """A summary.json as the command that measured and a table."""
    summary = content["summary"]
    lines = [
        f"`{content['command']}`", "",
        f"{summary['found']} of {summary['cases']} found, {summary['side_right']} sides right.", "",
        "| figure | mean | median | worst | 95 % interval of the mean | cases |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for key, value in summary.items():
        if isinstance(value, dict) and "mean" in value:
            figures = " | ".join(f"{value[which]:.4f}" for which in ("mean", "median", "worst"))
            interval = "{:.4f} to {:.4f}".format(*value["interval"]) if value["interval"] else ""
            lines.append(f"| {key} | {figures} | {interval} | {value['cases']} |")
    return lines


def _cross_validated(content: dict[str, Any]) -> list[str]:
    """What the folds said of the recipe, and how well the radii hold."""
    levels = dict.fromkeys(f"{row['nominal']:.0%}" for row in content["reliability"])
    lines = [
        *_networks_of_folds(content), "", *_measured(content), "", *_by_scan(content),
        "Landmarks within the radius that promises this share, each fold judged by a calibration",
        "of the others:", "", f"| CT | {' | '.join(levels)} |", "|---" * (len(levels) + 1) + "|",
    ]  # fmt: skip
    for name in dict.fromkeys(row["copy"] for row in content["reliability"]):
        held = [row for row in content["reliability"] if row["copy"] == name]
        cells = " | ".join(f"{row['inside']} of {row['of']}" for row in held)
        lines.append(f"| {name} | {cells} |")
    return lines


def _by_scan(content: dict[str, Any]) -> list[str]:
    """Means, and worst cases in brackets, as scanned and in simulated scans."""
    scans = content.get("summary_by_scan")
    if not scans:
        return []
    lines = [
        "| scan | Dice | ASSD mm | landmarks mm | three closed canals |",
        "|---|---|---|---|---|",
    ]
    for scan, of in scans.items():
        figures = [
            f"{of[key]['mean']:.3f} ({of[key]['worst']:.3f})" if key in of else ""
            for key in ("dice", "assd_mm", "all landmarks mm")
        ]
        whole = of.get("whole")
        figures.append(f"{whole['ears']} of {whole['of']}" if whole else "")
        lines.append(f"| {scan} | {' | '.join(figures)} |")
    return [*lines, ""]


def _networks_of_folds(content: dict[str, Any]) -> list[str]:
    """Which networks had not seen a specimen when it was measured, and which may have."""
    steps, base = content["steps"], content.get("base")
    trained = [f"`{name}` ({of[0]} steps a fold)" for name, of in steps.items() if of[0]]
    lines = [
        f"Each specimen measured by networks of a fold that never saw it: {', '.join(trained)}."
    ]
    others = ", ".join(f"`{n}`" for n in steps if n != "refine" and not all(steps[n]))
    if others and base is None:
        lines.append(f"{others}: of another model, which may have seen it.")
    elif others and base is not None:
        names = list(dict.fromkeys(row["case"] for row in content["cases"]))
        seen = [name for name in names if name in base["trained_on"]]
        lines.append(
            f"{others}: of {base['name']} {base['version']}, which saw {len(seen)} of these "
            f"{len(names)} specimens in training" + (f" ({', '.join(seen)})." if seen else ".")
        )
    if not any(steps.get("refine", ())):
        lines.append("`refine` took no part: `orient` drew, more coarsely.")
    return lines
