"""Write a model's card as Markdown, from the card inside the model file."""

from __future__ import annotations

from typing import Any

from ..model.card import ANY_CT, NETWORKS
from ..model.provenance import Ancestor, ancestors, counted, training_data


def card_text(card: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [
        f"# {card['name']} {card['version']}",
        "",
        f"Made on {card['date']} by {card['made_by']}.",
        f"Licence: {card['licence']}.",
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
    lines += ["", "## Trained on", "", *_trained_on(card)]
    if inherited := ancestors(card):
        lines += ["", "## Inherited from earlier models"]
        lines += [line for model in inherited for line in _ancestor(model)]
    if card["metrics"].get("summary"):
        # Figures are never of this file, whose card they are on.
        lines += ["", "## Measured on held-out cases", ""]
        lines += [f"Figures of {card['metrics']['model']}.", "", *_measured(card["metrics"])]
    if card.get("crossval"):
        lines += ["", "## Cross-validation", "", *_cross_validated(card["crossval"])]
    finest, coarsest = card["training"]["voxels_mm"]
    lines += [
        "",
        "## Limits",
        "",
        f"Trained on CT with voxel edges of {finest:g} to {coarsest:g} mm. How good it is on other",
        "scanners, heads and ears is not known, unless this card says so.",
        "Not a medical device: check every result against the CT.",
        "",
    ]
    return "\n".join(lines)


def _trained_on(card: dict[str, Any]) -> list[str]:
    """The model's own data, an item a line."""
    training, named = card["training"], card["training"]["cases_named"]

    def these(labels: list[str]) -> str:
        return ", ".join(labels) if named or not labels else counted(len(labels), "case")

    lines = [f"- {data}." for data in training_data(card)]
    if named:
        lines.append(f"- Cases: {these(training['trained_on'])}.")
    if partial := training["of_these_landmarks_only"]:
        lines.append(f"- With landmarks only: {these(partial)}.")
    if computed := training["auxiliary_computed"]:
        lines.append(
            f"- Auxiliary landmarks computed from landmarks and segment, with the average ear that "
            f"comes with InnerEarSeg: {these(computed)}."
        )
    lines += [
        f"- Synthetic ears: {_synthetic(card)}.",
        f"- Held out, to choose by (so no test cases): "
        f"{these(training['held_out_to_choose_by']) or 'none'}.",
    ]
    return lines + [f"- {note}" for note in training["notes"]]


def _ancestor(model: Ancestor) -> list[str]:
    """What is inherited from a model, and its training data."""
    title = f"{model.name} {model.version}"
    if model.through:
        title += f", through {model.through}"
    lines = ["", f"### {title}", "", f"SHA-256 {model.sha256}", ""]
    lines += [f"- `{name}`: its network, unchanged." for name in model.unchanged]
    lines += [
        f"- `{name}`: started from {weights:,} of its weights."
        for name, weights in model.first_weights.items()
        if weights
    ]
    if not model.networks:
        lines.append("- The canonical ear, and no weights.")
    return lines + [f"- It was trained on {data}." for data in model.data]


def _synthetic(card: dict[str, Any]) -> str:
    """How many synthetic ears the networks trained here saw, and which of them saw none."""
    training, inherited = card["training"], ancestors(card)
    trained = [name for name in NETWORKS if not any(name in of.unchanged for of in inherited)]
    without = [f"`{x}`" for x in trained if not training["config"][x]["synthetic_ears"]]
    if not training["synthetic_ears"] or len(without) == len(trained):
        return "none"
    others = f", none for {' and '.join(without)}" if without else ""
    return f"{training['synthetic_ears']}{others}"


def _refine(card: dict[str, Any]) -> str:
    """Which CT the finest network draws."""
    if card["refine"].get("draws") != ANY_CT:
        return "`refine` draws where the CT is finer."
    return "`refine` draws any CT: it was\ntrained on its cases as other scanners would show them."


def _measured(content: dict[str, Any]) -> list[str]:
    """A summary.json as the command that measured and a table."""
    summary = content["summary"]
    lines = [
        f"`{content['command']}`", "",
        f"{summary['found']} of {summary['cases']} found, {summary['side_right']} sides correct.",
        "",
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
    """Which networks had not seen a case when it was measured, and which may have."""
    steps, base = content["steps"], content.get("base")
    trained = [f"`{name}` ({of[0]} steps a fold)" for name, of in steps.items() if of[0]]
    lines = [f"Each case measured by networks of a fold that never saw it: {', '.join(trained)}."]
    others = ", ".join(f"`{n}`" for n in steps if n != "refine" and not all(steps[n]))
    if others and base is None:
        lines.append(f"{others}: of another model, which may have seen it.")
    elif others and base is not None:
        count = len({row["case"] for row in content["cases"]})
        lines.append(
            f"{others}: of {base['name']} {base['version']}, which saw {len(base['seen'])} of "
            f"these {counted(count, 'case')} in training."
        )
    if not any(steps.get("refine", ())):
        lines.append("`refine` took no part: `orient` drew, more coarsely.")
    return lines
