"""In what number format a training step computes."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from ..errors import UnusableInput
from ..model.inference import patch_to_ijk, sample, sample_patch
from ..model.unet import JointUNet
from ..segmentation.pose import Pose, fit_pose
from ..types import LANDMARKS
from .cases import TrainingCase
from .config import Config, OptimiserConfig, StageConfig
from .losses import Losses, landmark_points, loss_of_scales
from .samples import Sample, Samples

CONVOLUTIONS = (F.conv3d, F.conv_transpose3d, F.linear)


def arithmetic(how: OptimiserConfig, device: torch.device) -> AbstractContextManager[Any]:
    """The configured number format, for the forward pass of a training step."""
    if how.precision == "rounded":
        return Rounded()
    if how.precision == "bfloat16" and computes_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; a CPU that emulates it takes 60 times longer."""
    if device.type != "cpu":
        return True
    flags: dict[str, object] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch 2.11 and later can tell
    return bool(flags.get("amx_bf16") or flags.get("avx512_bf16") or flags.get("arm_bf16"))


class Rounded(TorchFunctionMode):
    """Convolutions round what they multiply, and what they give, to bfloat16.

    Their sums are kept in single precision, as bfloat16 hardware does. Gradients pass the same
    rounding on their way back.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Called by torch for each function within ``with Rounded():``."""
        kwargs = kwargs or {}
        if func not in CONVOLUTIONS:
            return func(*args, **kwargs)
        rounded = [_round(item) if isinstance(item, Tensor) else item for item in args]
        return _round(func(*rounded, **kwargs))


def _round(values: Tensor) -> Tensor:
    return values.to(torch.bfloat16).to(values.dtype)


class Score(NamedTuple):
    """Mean over the held-out specimens, within their windows (not the CT's own grid).

    Attributes:
        dice: of the labyrinth at probability 0.5.
        landmark_mm: distance of the product's three landmarks.
    """

    dice: float
    landmark_mm: float


def validate(
    network: nn.Module,
    cases: Sequence[TrainingCase],
    template: Mapping[str, NDArray],
    config: Config,
    stage: StageConfig,
    device: torch.device,
) -> Score:
    """Score a network on windows placed by the reference landmarks, without augmentation."""
    dice, errors = [], []
    for case in cases:
        pose = fit_pose(template, case.landmarks)
        if stage.augmentation.any_rotation:  # such a network must not need the pose
            upright = np.eye(4)
            upright[:3, 3] = pose.matrix[:3, 3]
            pose = Pose(upright)
        window = pose.patch(stage.spacing_mm, stage.window)
        ct = sample_patch(
            torch.from_numpy(case.ct).float(), case.geometry, window, config.intensity.low
        )
        with torch.no_grad():
            logits, heatmaps = network(config.intensity(ct)[None, None].to(device))
        if case.labels is not None:
            grid = patch_to_ijk(window, case.geometry)
            truth = sample(torch.from_numpy(case.labels).float(), grid, 0.0) > 0.5
            found = logits[0, 0].cpu() > 0
            both = float((truth & found).sum())
            dice.append(2 * both / max(1.0, float(truth.sum() + found.sum())))
        points = landmark_points(heatmaps[0], stage)
        for name, ijk in zip(config.landmarks, points, strict=True):
            if name in LANDMARKS:
                errors.append(np.linalg.norm(window.to_ras(ijk) - case.landmarks[name]))
    return Score(float(np.mean(dice)) if dice else float("nan"), float(np.mean(errors)))


CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"
LOG_FIELDS = (
    "step", "loss", "dice_loss", "cross_entropy", "landmark_kl", "learning_rate", "seconds",
    "held_out_dice", "held_out_landmark_mm",
)  # fmt: skip
CHECKPOINT_SECONDS = 60.0
LOG_EVERY = 25


class Diverged(UnusableInput):
    """The loss is no longer a number."""


def build_network(config: Config, stage: StageConfig) -> JointUNet:
    """The untrained network of a stage."""
    # Heights of a heatmap start at 0, logits at even odds of "here" and "not here".
    voxels = 1 if stage.loss.heatmaps == "squares" else math.prod(stage.window)
    return JointUNet(stage.network, len(config.landmarks), voxels)


def train_stage(
    name: str,
    config: Config,
    cases: Sequence[TrainingCase],
    template: Mapping[str, NDArray],
    folder: Path,
    device: torch.device,
    *,
    workers: int = 0,
    say: Callable[[str], None] = print,
) -> None:
    """Train one stage to its last step, from its checkpoint if there is one.

    Args:
        name: "locate", "orient" or "refine".
        config: the whole training.
        cases: all specimens; the held-out ones are only measured on.
        template: the canonical ear.
        folder: receives the checkpoint (with the averaged weights) and the log.
        device: where to train.
        workers: processes that draw samples; 0 draws them in this one.
        say: receives a line now and then.

    Raises:
        UnusableInput: if nothing is left to train on.
        Diverged: if the loss is no longer a number.
    """
    stage = config.stages()[name]
    held_out = [case for case in cases if case.name in config.held_out]
    samples = Samples(
        [case for case in cases if case.name not in config.held_out], template, config, stage
    )
    if not samples.real:
        raise UnusableInput("No specimen is left to train on: all of them are held out.")
    torch.manual_seed(config.seed)
    layout = torch.channels_last_3d
    network = build_network(config, stage).to(device)
    network.to(memory_format=layout)  # type: ignore[call-overload]
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(stage.optimiser.ema), use_buffers=True
    )
    optimiser = build_optimiser(network, stage.optimiser)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate(stage.optimiser, step)
    )
    parts = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    folder.mkdir(parents=True, exist_ok=True)
    done = _load(folder / CHECKPOINT, parts, device)
    log = _Log(folder / LOG, done)
    batch = stage.optimiser.batch
    loader = DataLoader(
        samples,
        batch_size=batch,
        sampler=range(done * batch, stage.optimiser.steps * batch),
        num_workers=workers,
        pin_memory=device.type == "cuda",
    )
    started = saved = time.monotonic()
    for step, batch in enumerate(loader, start=done + 1):
        moved = Sample(*(tensor.to(device, non_blocking=True) for tensor in batch))
        losses = training_step(network, optimiser, moved, stage, device)
        schedule.step()
        if stage.optimiser.ema > 0:
            average.update_parameters(network)
        else:
            average.module.load_state_dict(network.state_dict())
        log.add(losses)
        last = step == stage.optimiser.steps
        if step % LOG_EVERY == 0 or last:
            if not math.isfinite(float(losses.total)):
                raise Diverged(f"{name}: the loss is not a number at step {step}.")
            score = None
            if held_out and (step % config.validate_every == 0 or last):
                average.eval()
                score = validate(average.module, held_out, template, config, stage, device)
            pace = (time.monotonic() - started) / (step - done)
            left = pace * (stage.optimiser.steps - step)
            say(f"{name}: {log.write(step, float(schedule.get_last_lr()[0]), score)}"
                f", {left / 60:.1f} min left")  # fmt: skip
        if last or time.monotonic() - saved > CHECKPOINT_SECONDS:
            _save(folder / CHECKPOINT, parts, step)
            saved = time.monotonic()


def build_optimiser(network: nn.Module, how: OptimiserConfig) -> torch.optim.Optimizer:
    """The configured optimiser; ``learning_rate`` is its whole rate."""
    parameters, decay = network.parameters(), how.weight_decay
    if how.kind == "sgd":
        return torch.optim.SGD(parameters, 1.0, momentum=0.99, nesterov=True, weight_decay=decay)
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[how.kind]
    return kind(parameters, lr=1.0, weight_decay=decay)


def learning_rate(how: OptimiserConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to 1 % of the peak, or the peak itself."""
    warm = min(1.0, (step + 1) / max(1, how.warmup_steps))
    if how.schedule == "constant":
        return how.learning_rate * warm
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, how.steps))))
    return how.learning_rate * warm * (0.01 + 0.99 * cosine)


def trained_network(config: Config, name: str, folder: Path) -> JointUNet:
    """The averaged network of a finished or unfinished stage, in evaluation mode, on the CPU.

    Raises:
        UnusableInput: if the stage has no checkpoint.
    """
    if not (folder / CHECKPOINT).is_file():
        raise UnusableInput(f"{folder} holds no checkpoint: train this stage first.")
    average = AveragedModel(build_network(config, config.stages()[name]), use_buffers=True)
    state = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    average.load_state_dict(state["average"])
    network = average.module.eval()
    assert isinstance(network, JointUNet)
    return network


def steps_done(folder: Path) -> int:
    """Steps in a stage's checkpoint, 0 without one."""
    if not (folder / CHECKPOINT).is_file():
        return 0
    return int(torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)["step"])


def training_step(
    network: JointUNet,
    optimiser: torch.optim.Optimizer,
    batch: Sample,
    stage: StageConfig,
    device: torch.device,
) -> Losses:
    """One optimiser step."""
    network.train()
    ct = batch.ct.to(memory_format=torch.channels_last_3d)
    with arithmetic(stage.optimiser, device):
        outputs = network.all_scales(ct) if stage.network.deep_supervision else [network(ct)]
    losses = loss_of_scales(outputs, batch, stage)
    optimiser.zero_grad(set_to_none=True)
    losses.total.backward()
    nn.utils.clip_grad_norm_(network.parameters(), stage.optimiser.clip)
    optimiser.step()
    return Losses(*(term.detach() for term in losses))


def _save(path: Path, parts: Mapping, step: int) -> None:
    """Write a checkpoint so that a kill at any moment leaves the old or the new one whole."""
    state = {name: part.state_dict() for name, part in parts.items()}
    temporary = path.with_suffix(".new")
    torch.save({**state, "step": step}, temporary)
    temporary.replace(path)


def _load(path: Path, parts: Mapping, device: torch.device) -> int:
    """Restore a checkpoint, if there is one, and tell its step."""
    if not path.is_file():
        return 0
    state = torch.load(path, map_location=device, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


class _Log:
    """A CSV of running means, cut back to the checkpoint on resume."""

    def __init__(self, path: Path, done: int) -> None:
        self.path, self.sums, self.count, self.started = path, [0.0] * 4, 0, time.monotonic()
        rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= done]
        self.seconds = float(rows[-1]["seconds"]) if rows else 0.0
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            writer.writeheader()
            writer.writerows(rows)

    def add(self, losses: Losses) -> None:
        """Take one step's losses into the mean."""
        self.sums = [total + float(term) for total, term in zip(self.sums, losses, strict=True)]
        self.count += 1

    def write(self, step: int, rate: float, score: tuple[float, float] | None) -> str:
        """Write a row, start a new mean and return the row as a sentence."""
        means = [total / max(1, self.count) for total in self.sums]
        seconds = self.seconds + time.monotonic() - self.started
        held_out = ["", ""] if score is None else [f"{value:.4f}" for value in score]
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, *(f"{m:.5f}" for m in means), f"{rate:.6f}", f"{seconds:.0f}", *held_out]
            )
        self.sums, self.count = [0.0] * 4, 0
        line = (f"step {step}, loss {means[0]:.4f} (dice {means[1]:.4f}, cross-entropy "
                f"{means[2]:.4f}, landmarks {means[3]:.3f})")  # fmt: skip
        if score is not None:
            line += f", held out: Dice {score[0]:.4f}, landmarks {score[1]:.3f} mm"
        return line
