"""Process of a training with an average of the weights: RANK and WORLD_SIZE of the environment say which one.

Writes what it found as JSON: digests of the last checkpoint of a run, and of one that was stopped and went on; where a
run ended early whose processes see other metrics, and its best result.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from engine.toy_trainer import make_batch, make_trainer

from alphaction.data.sample import ClipBatch
from alphaction.engine.best import BestTracker, recall
from alphaction.engine.best_metric import Metric
from alphaction.engine.setup import Runtime
from alphaction.engine.weight_average import WeightAverage
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.distributed import share_buffers


class Normed(nn.Module):
    """A batch norm, whose statistics are others on each process, and a layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.layer = nn.BatchNorm1d(1), nn.Linear(1, 4)

    def forward(self, batch: ClipBatch, memory: None, *, boxes_per_process: Tensor) -> TrainOutput:
        features = self.layer(self.norm(batch.scores[:, None]))
        return TrainOutput({"loss_movement": features.square().sum() / boxes_per_process}, {}, features.detach())


def stream(rank: int, start: int) -> Iterator[ClipBatch]:
    for number in range(start, 100):
        yield make_batch(0, torch.rand(3, generator=torch.Generator().manual_seed(10 * number + rank)).tolist())


def train(folder: Path, metric: Callable[[int], float], stop_at: int = 0, patience: int = 0) -> tuple[int, BestTracker]:
    """Train to iteration 6, evaluated after each, or stop in iteration ``stop_at``; go on from a checkpoint there."""
    rank = dist.get_rank()
    model = Normed()
    average, best = WeightAverage(model, 0.8), BestTracker(Metric("val/mAP"), patience)
    runtime = Runtime(torch.device("cpu"), rank, dist.get_world_size(), seed=0)
    trainer = make_trainer(folder, lr=0.1, momentum=0.9, model=model, average=average, best=best, runtime=runtime,
                           max_iter=6, eval_period=1, log_period=100)  # fmt: skip
    start = 0
    if (folder / "last_checkpoint").is_file():
        start, _, extra = trainer.checkpointer.resume()
        trainer.restore(extra)
        recall(best, extra["best"], [])
    dist.barrier()

    def evaluate() -> dict[str, float]:
        share_buffers(model)
        share_buffers(average.model)
        return {"val/mAP": metric(trainer.step.scheduler.last_epoch)}

    step = trainer.train_step

    def train_step(batches: list[ClipBatch]) -> dict[str, Tensor]:
        if trainer.step.scheduler.last_epoch + 1 == stop_at:
            raise InterruptedError
        return step(batches)

    trainer.train_step = train_step
    try:
        return trainer.run(stream(rank, start), start, evaluate_between=evaluate, evaluate_at_end=evaluate), best
    except InterruptedError:
        return stop_at - 1, best
    finally:
        dist.barrier()


def digest(path: Path) -> list:
    content = torch.load(path, weights_only=True)
    tensors = [*content["model"].values(), *content["ema"]["model"].values()]
    values = b"".join(tensor.numpy().tobytes() for tensor in tensors)
    return [content["ema"]["updates"], hashlib.sha256(values).hexdigest()]


def main() -> None:
    folder, file = Path(sys.argv[1]), sys.argv[2]
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    train(folder / "whole", lambda iteration: 0.5)
    train(folder / "stopped", lambda iteration: 0.5, stop_at=4)
    train(folder / "stopped", lambda iteration: 0.5)
    # Only the first process finds that nothing gets better.
    done, best = train(
        folder / "early", lambda iteration: 0.5 - 0.1 * iteration if rank == 0 else iteration, patience=2
    )
    found = [*(digest(folder / name / "model_final.pth") for name in ("whole", "stopped")), done, best.best.to_dict()]
    Path(f"{file}{rank}").write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
