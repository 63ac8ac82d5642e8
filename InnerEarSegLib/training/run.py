"""Train all networks into a run folder, on all cases or on those of a fold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..model.unet import count_parameters
from ..segmentation.pose import fit_pose, procrustes_mean
from ..types import Point, apply_affine, side_sign
from .base import BaseModel, Start
from .cases import TrainingCase
from .config import Config, from_dict
from .trainer import build_network, inherit, steps_done, train_network, write_json, writing

DESCRIPTION = "run.json"


def canonical_template(
    cases: Sequence[TrainingCase], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Average the landmarks of ears in the canonical frame (generalised Procrustes analysis).

    The frame has its axes along the labyrinth's principal axes, longest first, and its origin at
    the middle of the labyrinth's extent, so that a patch around it can be small.
    Left ears count as mirrored right ones. ``cases`` are real ones. Returns canonical mm by name.

    Raise UnusableInput if no case has labels and all landmarks.
    """
    complete = [case for case in cases if all(name in case.landmarks for name in names)]
    labelled = [case for case in complete if case.labels is not None]
    if not labelled:
        raise UnusableInput(
            "No case to train on has labels and the landmarks helicotrema, oval window and round "
            "window."
        )
    shapes = [
        np.array([case.landmarks[name] for name in names]) * (side_sign(case.side), 1.0, 1.0)
        for case in complete
    ]
    template = dict(zip(names, procrustes_mean(shapes)[0], strict=True))
    clouds = [_labyrinth_points(case, template) for case in labelled]
    axes = np.linalg.eigh(np.cov(np.concatenate(clouds).T))[1][:, ::-1]
    # Eigenvectors have no sign of their own: fix it, and keep the frame right-handed.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), range(3)] < 0, -1.0, 1.0)
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    low = np.min([(cloud @ axes).min(axis=0) for cloud in clouds], axis=0)
    high = np.max([(cloud @ axes).max(axis=0) for cloud in clouds], axis=0)
    return {name: point @ axes - (low + high) / 2.0 for name, point in template.items()}


def _labyrinth_points(case: TrainingCase, template: dict[str, NDArray]) -> NDArray[np.float64]:
    """Labyrinth voxels of a case in the template's frame: (n, 3) mm."""
    assert case.labels is not None
    ras = case.geometry.to_ras(np.argwhere(case.labels)[:, ::-1])
    return apply_affine(np.linalg.inv(fit_pose(template, case.landmarks).matrix), ras)


def train(
    config: Config,
    cases: Sequence[TrainingCase],
    output: Path,
    device: torch.device,
    *,
    start: Start | None = None,
    workers: int = 0,
    only: Sequence[str] = (),
    say: Callable[[str], None] = print,
    kept: Callable[[], None] = lambda: None,
) -> bool:
    """Train all networks into a run folder, or go on where an earlier call stopped.

    Args:
        cases: all of them, those to hold out included.
        start: gives the canonical ear, and each network its first weights.
        workers: processes that draw samples.
        only: names of the networks to train, all if empty.
        kept: called after each checkpoint.

    Returns:
        False if there was nothing left to train.

    Raise UnusableInput if the folder holds another run or cannot be written, a held-out case is
    missing or known to the model that this starts from, or a name in ``only`` is unknown.
    """
    check_networks(config, only)
    missing = sorted(set(config.held_out) - {case.name for case in cases})
    if missing:
        raise UnusableInput(
            f"The held-out cases {', '.join(missing)} are not in the data; the cases are "
            f"{', '.join(case.name for case in cases if not case.synthetic)}."
        )
    trained = [case for case in cases if case.name not in config.held_out]
    real = [case for case in trained if not case.synthetic]
    if start is None:
        template = {
            name: tuple(point.tolist())
            for name, point in canonical_template(real, config.landmarks).items()
        }
        inherited = {}
    else:
        template = start.template
        inherited = _inherited(config, cases, start, only, say)
    run = TrainingRun(
        config=config,
        template=template,
        trained_on=tuple(case.name for case in real),
        without_labels=tuple(case.name for case in trained if case.labels is None),
        synthetic=len(trained) - len(real),
        code_revision=code_revision(),
        started_from=None if start is None else start.model,
        start_file="" if start is None else str(start.path),
        inherited=inherited,
        records=tuple(record_of(case) for case in cases if not case.synthetic),
    )
    path = output / DESCRIPTION
    left = [name for name in only or config.networks() if not _is_trained(config, output, name)]
    if path.is_file():
        earlier = read_run(output)
        if not run.continues(earlier):
            raise UnusableInput(
                f"{output} holds a run of another config, of other cases or from another "
                "model; choose another --output folder, or delete it to start again."
            )
        run = replace(run, template=earlier.template)  # the one that its networks have learned
        if not left:
            run = replace(run, code_revision=earlier.code_revision)
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(run))
    for name in only or config.networks():
        train_network(
            name, config, cases, run.template, output / name, device, workers=workers, say=say,
            start=None if start is None else start.weights[name], kept=kept,
        )  # fmt: skip
    return bool(left)


def _is_trained(config: Config, output: Path, name: str) -> bool:
    """Whether a network of a run folder has all its steps."""
    return steps_done(output / name) >= config.networks()[name].optimiser.steps


def check_groups(config: Config, cases: Sequence[TrainingCase]) -> None:
    """Refuse to hold out a case and to train on another of its group, such as a patient's ears."""
    held = {case.group: case.name for case in cases if case.name in config.held_out and case.group}
    for case in cases:
        if case.group in held and case.name not in config.held_out:
            raise UnusableInput(
                f"{held[case.group]} is held out, but {case.name} of the same group "
                f"{case.group} is not: hold out both or neither."
            )


def _inherited(
    config: Config,
    cases: Sequence[TrainingCase],
    start: Start,
    only: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, int]:
    """Count and say how many weights each network takes from a model, or raise UnusableInput."""
    check_start(start.model, [case for case in cases if case.name in config.held_out])
    inherited = {}
    for name, setup in config.networks().items():
        network = build_network(config, setup)
        inherited[name] = inherit(network, start.weights[name])
        if name in (only or config.networks()):
            all_of_them = count_parameters(network)
            say(f"{name}: {inherited[name]:,} of {all_of_them:,} weights are of {start.model}")
    return inherited


def check_start(model: BaseModel, held_out: Sequence[TrainingCase]) -> None:
    """Refuse to start from a model that was trained on cases that are to be held out."""
    known = sorted(model.known((case.name, case.fingerprint) for case in held_out))
    if known:
        raise UnusableInput(
            f"{model} was trained on the held-out cases {', '.join(known)}: nothing could be "
            "measured on them."
        )


def check_networks(config: Config, names: Sequence[str]) -> None:
    """Raise UnusableInput for the first unknown name of a network."""
    for name in names:
        if name not in config.networks():
            raise UnusableInput(
                f"There is no network {name!r}; there are {', '.join(config.networks())}."
            )


@dataclass(frozen=True)
class CaseRecord:
    """What a run folder says about one real case.

    Attributes:
        fingerprint: of its CT (``io.fingerprint``).
        licence: of the data, as the manifest states it, or "".
        citation: likewise.
        group: such as the patient.
        finest_mm: the shorter edge of its CT's voxels.
        coarsest_mm: the longest edge.
        computed: landmarks that are not the reference's, but computed from its segment.
    """

    name: str
    fingerprint: str
    licence: str
    citation: str
    group: str
    finest_mm: float
    coarsest_mm: float
    computed: tuple[str, ...] = ()


def record_of(case: TrainingCase) -> CaseRecord:
    """Return what is kept of a case."""
    spacing = case.geometry.spacing
    return CaseRecord(
        case.name, case.fingerprint, case.source.licence, case.source.citation, case.group,
        round(float(spacing.min()), 3), round(float(spacing.max()), 3), case.computed,
    )  # fmt: skip


@dataclass(frozen=True)
class TrainingRun:
    """What a run folder says about itself.

    Attributes:
        template: the canonical ear, mm by landmark.
        trained_on: names of the real cases.
        without_labels: those of them that only had landmarks.
        synthetic: how many synthetic ears there were.
        start_file: of the model ``started_from``, so that the run goes on without being told.
        inherited: how many weights each network took from that model.
        records: of all real cases, those held out included; none in runs of InnerEarSeg 0.1.
    """

    config: Config
    template: dict[str, Point]
    trained_on: tuple[str, ...]
    without_labels: tuple[str, ...]
    synthetic: int
    code_revision: str
    started_from: BaseModel | None = None
    inherited: dict[str, int] = field(default_factory=dict)
    records: tuple[CaseRecord, ...] = ()
    start_file: str = ""

    def continues(self, earlier: TrainingRun) -> bool:
        """Whether this run is the earlier one: of one config, on the same CTs, from one model.

        Runs of earlier code lack fields that came since; what these do not say counts as the same.
        """
        starts = [None if run.started_from is None else run.started_from.sha256
                  for run in (self, earlier)]  # fmt: skip
        prints = [[record.fingerprint for record in run.records] for run in (self, earlier)]
        return (
            (self.config, self.trained_on) == (earlier.config, earlier.trained_on)
            and starts[0] == starts[1]
            and (not earlier.records or prints[0] == prints[1])
        )


def read_run(folder: Path) -> TrainingRun:
    """Read a run folder's description, or raise UnusableInput."""
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnusableInput(f"{folder} is no run folder of `innerearseg train`.") from None
    return from_dict(TrainingRun, content, str(folder / DESCRIPTION))


def folds(names: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Deal out every count-th of the names, from the first, the second, and so on."""
    if not 2 <= count <= len(names):  # a fold would hold out nothing or leave nothing to train on
        raise UnusableInput(
            f"{len(names)} cases, or groups of them, make from 2 to {len(names)} folds, "
            f"not {count}."
        )
    return [tuple(names[first::count]) for first in range(count)]


def folds_of(
    cases: Sequence[TrainingCase], count: int, by_case: bool = False
) -> list[tuple[str, ...]]:
    """Deal out the names of the real specimens, a group (such as a patient's two ears) together.

    Groups are sorted by name; see ``folds``. With ``by_case``, each case is dealt out alone.
    """
    groups: dict[str, list[str]] = {}
    for case in sorted((case for case in cases if not case.synthetic), key=lambda c: c.name):
        groups.setdefault((not by_case and case.group) or case.name, []).append(case.name)
    dealt = folds(sorted(groups), count)
    return [tuple(sorted(name for group in of for name in groups[group])) for of in dealt]


def code_revision() -> str:
    """Return the git revision of this code, with "+" where it has uncommitted changes."""
    revision = []
    for command in ("rev-parse --short=12 HEAD", "status --porcelain --untracked-files=no"):
        try:
            done = subprocess.run(
                ["git", *command.split()], cwd=Path(__file__).parent, capture_output=True,
                text=True, check=True,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            return "unknown"
        revision.append(done.stdout.strip())
    return revision[0] + ("+" if revision[1] else "")
