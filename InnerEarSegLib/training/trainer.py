"""Train one network, and measure it on the held-out specimens on the way."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader

from ..errors import UnusableInput
from ..model.inference import patch_to_ijk, sample, sample_patch
from ..model.unet import JointUNet
from ..segmentation.pose import Pose
from ..types import LANDMARKS, dice
from .cases import TrainingCase
from .config import Config, NetworkTraining, OptimiserConfig
from .losses import Losses, joint_loss, landmark_points
from .mean_ear import mean_ear, mean_ear_shape
from .samples import Sample, Samples

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"
LOG_FIELDS = (
    "step", "loss", "dice_loss", "cross_entropy", "landmark_kl", "core_loss", "septum_loss",
    "learning_rate", "seconds", "held_out_dice", "held_out_landmark_mm",
)  # fmt: skip
CHECKPOINT_SECONDS = 60.0
LOG_EVERY, LEAST_ROWS = 25, 20
"""Steps between two rows of the log; fewer in short trials, for so many rows."""

CONVOLUTIONS = (F.conv3d, F.conv_transpose3d, F.linear)


def arithmetic(how: OptimiserConfig, device: torch.device) -> AbstractContextManager[Any]:
    """Return the configured number format, for the forward pass of a training step."""
    if how.precision == "rounded":
        return Rounded()
    if how.precision == "bfloat16" and computes_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; a CPU that emulates it takes 60 times longer."""
    flags: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch >= 2.11
    return device.type != "cpu" or any(map(flags.get, ("amx_bf16", "avx512_bf16", "arm_bf16")))


class Rounded(TorchFunctionMode):
    """Convolutions round what they multiply, and what they give, to bfloat16.

    Their sums are kept in single precision, as bfloat16 hardware does. Gradients pass the same
    rounding on their way back.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Call a function within ``with Rounded():``."""
        kwargs = kwargs or {}
        if func not in CONVOLUTIONS:
            return func(*args, **kwargs)
        rounded = (x.bfloat16().to(x.dtype) if isinstance(x, Tensor) else x for x in args)
        result = func(*rounded, **kwargs)
        return result.bfloat16().to(result.dtype)


def validate(
    network: nn.Module,
    cases: Sequence[TrainingCase],
    template: Mapping[str, ArrayLike],
    config: Config,
    setup: NetworkTraining,
    device: torch.device,
) -> tuple[float, float]:
    """Measure a network on patches placed by the reference landmarks, without augmentation.

    Return the mean Dice of the labyrinth at probability 0.5, on the patch's grid, and the mean
    distance in mm of the product's three landmarks, of those that the references have.
    """
    overlaps, errors = [], []
    for case in cases:
        pose = case.pose(template)
        if setup.augmentation.any_rotation:  # such a network must not need the pose
            upright = np.eye(4)
            upright[:3, 3] = pose.matrix[:3, 3]
            pose = Pose(upright)
        patch = pose.patch(setup.spacing_mm, setup.patch)
        whole = torch.from_numpy(case.ct).float()
        ct = sample_patch(whole, case.geometry, patch, config.intensity.low)
        with torch.no_grad():
            logits, heatmaps = network(config.intensity(ct)[None, None].to(device))
        if case.labels is not None:
            labels = torch.from_numpy(case.labels).float()
            truth = sample(labels, patch_to_ijk(patch, case.geometry), 0.0) > 0.5
            found = logits[0, 0].cpu() > 0
            overlaps.append(dice(found.numpy(), truth.numpy()))
        for name, ijk in zip(config.landmarks, landmark_points(heatmaps[0], setup), strict=True):
            if name in LANDMARKS and name in case.landmarks:
                errors.append(np.linalg.norm(patch.to_ras(ijk) - case.landmarks[name]))
    overlap, distance = (float(np.mean(of)) if of else math.nan for of in (overlaps, errors))
    return overlap, distance


class Diverged(UnusableInput):
    """The loss is no longer a number."""


def build_network(config: Config, setup: NetworkTraining) -> JointUNet:
    """Return the untrained network; its mean ear, if it has one, is still empty."""
    # Heights of a heatmap start at 0, logits at even odds of "here" and "not here".
    voxels = 1 if setup.loss.heatmaps == "squares" else math.prod(setup.window)
    mean = torch.zeros(mean_ear_shape(setup)) if setup.network.mean_ear else None
    return JointUNet(setup.network, len(config.landmarks), voxels, mean)


def train_network(
    name: str,
    config: Config,
    cases: Sequence[TrainingCase],
    template: Mapping[str, ArrayLike],
    folder: Path,
    device: torch.device,
    *,
    start: Mapping[str, Tensor] | None = None,
    workers: int = 0,
    say: Callable[[str], None] = print,
    kept: Callable[[], None] = lambda: None,
) -> None:
    """Train one network to its last step, from its checkpoint if there is one.

    ``folder`` receives the checkpoint (with the averaged weights) and the log; ``start`` is the
    state of another network, whose weights are the initial ones where they fit; ``kept`` is called
    after each checkpoint; all else is as of ``run.train``.

    Raise UnusableInput if no case is left to train on or the folder cannot be written, Diverged
    if the loss is no number.
    """
    setup = config.networks()[name]
    state = _read(folder / CHECKPOINT)
    done = 0 if state is None else int(state["step"])
    if done >= setup.optimiser.steps:
        say(f"{name}: all {done} steps are done")
        return
    held_out = [case for case in cases if case.name in config.held_out]
    others = [case for case in cases if case.name not in config.held_out]
    samples = Samples(others, template, config, setup)
    if not samples.real:
        raise UnusableInput("No case is left to train on: all of them are held out.")
    torch.manual_seed(config.seed)
    how = setup.optimiser
    network = build_network(config, setup)
    if start is not None:
        inherit(network, start)
    if network.mean_ear is not None:
        network.mean_ear[0, 0] = mean_ear(samples.real, template, setup)
    network.to(device)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(how.ema), use_buffers=True)
    optimiser = build_optimiser(network, how)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate(how, step))
    parts: dict[str, Any] = {
        "network": network,
        "average": average,
        "optimiser": optimiser,
        "schedule": schedule,
    }
    if state is not None:
        for part_name, part in parts.items():
            part.load_state_dict(state[part_name])
    with writing(folder.parent):
        folder.mkdir(parents=True, exist_ok=True)
        log = _Log(folder / LOG, done)
    log_every = max(1, min(LOG_EVERY, how.steps // LEAST_ROWS))
    loader = DataLoader(
        samples, how.batch, sampler=range(done * how.batch, how.steps * how.batch),
        num_workers=workers, pin_memory=device.type == "cuda",
    )  # fmt: skip
    started = saved = time.monotonic()
    for step, batch in enumerate(loader, start=done + 1):
        moved = Sample(*(tensor.to(device, non_blocking=True) for tensor in batch))
        log.losses.append(training_step(network, optimiser, moved, setup, device))
        schedule.step()
        if how.ema > 0:
            average.update_parameters(network)
        else:
            average.module.load_state_dict(network.state_dict())
        last = step == how.steps
        measured = bool(held_out) and (step % config.validate_every == 0 or last)
        if step % log_every == 0 or measured or last:
            if not math.isfinite(float(log.losses[-1].total)):
                raise Diverged(f"{name}: the loss is not a number at step {step}.")
            score = None
            if measured:
                average.eval()
                score = validate(average.module, held_out, template, config, setup, device)
            left = (time.monotonic() - started) / (step - done) * (how.steps - step)
            with writing(folder.parent):
                line = log.write(step, float(schedule.get_last_lr()[0]), score)
            say(f"{name}: step {step} of {how.steps}, {line}, {duration(left)} left")
        if last or time.monotonic() - saved > CHECKPOINT_SECONDS:
            with writing(folder.parent):
                _save(folder / CHECKPOINT, parts, step)
                kept()
            saved = time.monotonic()


def duration(seconds: float) -> str:
    """Return ``40 s``, ``12 min`` or ``3 h 05 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


@contextmanager
def writing(run_folder: Path) -> Iterator[None]:
    """Write files of a run; raise UnusableInput, in one sentence, if the disk does not take them.

    The last checkpoint is whole then.
    """
    try:
        yield
    except OSError as error:
        raise UnusableInput(
            f"The run folder {run_folder} cannot be written: {error.strerror or error}; make room "
            "or open it for writing, and the same command goes on from the last checkpoint."
        ) from None


def build_optimiser(network: nn.Module, how: OptimiserConfig) -> torch.optim.Optimizer:
    """Return the configured optimiser; ``learning_rate`` is its whole rate."""
    parameters, decay = network.parameters(), how.weight_decay
    if how.kind == "sgd":
        return torch.optim.SGD(parameters, 1.0, momentum=0.99, nesterov=True, weight_decay=decay)
    kind = torch.optim.AdamW if how.kind == "adamw" else torch.optim.Adam
    return kind(parameters, lr=1.0, weight_decay=decay)


def learning_rate(how: OptimiserConfig, step: int) -> float:
    """Return the rate: linear warm-up, then half a cosine down to 1 % of the peak, or the peak."""
    warm = min(1.0, (step + 1) / max(1, how.warmup_steps))
    if how.schedule == "constant":
        return how.learning_rate * warm
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, how.steps))))
    return how.learning_rate * warm * (0.01 + 0.99 * cosine)


def inherit(network: nn.Module, state: Mapping[str, Tensor]) -> int:
    """Take weights of another network where name and shape fit; return how many numbers."""
    fitting = {
        name: state[name].to(parameter.dtype)
        for name, parameter in network.named_parameters()
        if name in state and state[name].shape == parameter.shape
    }
    network.load_state_dict(fitting, strict=False)
    return sum(values.numel() for values in fitting.values())


def trained_network(config: Config, name: str, folder: Path) -> JointUNet:
    """Return a run's averaged network for evaluation, on the CPU; UnusableInput if none is kept."""
    state = _read(folder / CHECKPOINT)
    if state is None:
        raise UnusableInput(f"{folder} holds no checkpoint: train this network first.")
    average = AveragedModel(build_network(config, config.networks()[name]), use_buffers=True)
    average.load_state_dict(state["average"])
    network = average.module.eval()
    assert isinstance(network, JointUNet)
    return network


def steps_done(folder: Path) -> int:
    """Return the steps in a checkpoint, 0 without one."""
    state = _read(folder / CHECKPOINT)
    return 0 if state is None else int(state["step"])


def training_step(
    network: JointUNet,
    optimiser: torch.optim.Optimizer,
    batch: Sample,
    setup: NetworkTraining,
    device: torch.device,
) -> Losses:
    """Do one optimiser step, and return the losses before it."""
    network.train()
    ct = batch.ct.to(memory_format=torch.channels_last_3d)
    with arithmetic(setup.optimiser, device):
        labyrinth, heatmaps = network.all_scales(ct)
    losses = joint_loss(labyrinth, heatmaps, batch, setup)
    optimiser.zero_grad(set_to_none=True)
    losses.total.backward()
    nn.utils.clip_grad_norm_(network.parameters(), setup.optimiser.clip)
    optimiser.step()
    return Losses(*(term.detach() for term in losses))


def _save(path: Path, parts: Mapping, step: int) -> None:
    """Write a checkpoint so that a kill or a full disk leaves the old or the new one whole."""
    state = {name: part.state_dict() for name, part in parts.items()}
    content = io.BytesIO()  # a full disk is then an OSError, not one of torch's
    torch.save({**state, "step": step}, content)
    replace_bytes(path, content.getvalue())


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    temporary = path.with_suffix(".new")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    replace_bytes(path, json.dumps(content, indent=2).encode())


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint, on the CPU, if there is one; UnusableInput if damaged."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        int(state["step"])
    except Exception:  # a damaged file raises whatever torch's unpickler stumbles over
        raise UnusableInput(
            f"The checkpoint {path} is damaged; remove it to train this network anew."
        ) from None
    return state


class _Log:
    """A CSV of running means of ``losses``, cut back to the checkpoint on resume."""

    def __init__(self, path: Path, done: int) -> None:
        self.path, self.losses, self.started = path, list[Losses](), time.monotonic()
        rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= done]
        self.seconds = float(rows[-1]["seconds"]) if rows else 0.0
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, LOG_FIELDS)
            writer.writeheader()
            writer.writerows(rows)

    def write(self, step: int, rate: float, score: tuple[float, float] | None) -> str:
        """Write a row, start a new mean and return the row as a sentence."""
        means = [sum(map(float, terms)) / len(terms) for terms in zip(*self.losses, strict=True)]
        self.losses.clear()
        seconds = self.seconds + time.monotonic() - self.started
        held_out = ["", ""] if score is None else [f"{value:.4f}" for value in score]
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, *(f"{m:.5f}" for m in means), f"{rate:.6f}", f"{seconds:.0f}", *held_out]
            )
        line = (f"loss {means[0]:.4f} (dice {means[1]:.4f}, cross-entropy "
                f"{means[2]:.4f}, landmarks {means[3]:.3f})")  # fmt: skip
        if score is not None:
            line += f", held out: Dice {score[0]:.4f}, landmarks {score[1]:.3f} mm"
        return line
