"""The work of train_net.py: set up, check the data, build, load, train, evaluate; or only plan all that."""

from __future__ import annotations

import argparse
import time
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from alphaction.checkpoint.run_folder import CONFIG_FILE
from alphaction.checkpoint.storage import write_atomically
from alphaction.data.bad_clips import listing_skipped
from alphaction.data.loader import build_train_loader
from alphaction.engine.best import how_to_go_on, settle_best_file
from alphaction.engine.compiling import compile_backbone, refuse_checkpointing, require_compiler, require_tools
from alphaction.engine.evaluate import evaluate_datasets
from alphaction.engine.feature_cache import describe_feature_cache, use_feature_cache
from alphaction.engine.interruption import errors_say_how_to_resume, how_to_resume
from alphaction.engine.metrics_file import iterations_evaluated, read_metrics
from alphaction.engine.out_of_memory import naming_what_helps, training_advice
from alphaction.engine.prepared_run import PLANNED, PreparedRun, prepare_run
from alphaction.engine.run_config import RunConfig, configure_run
from alphaction.engine.run_lock import locked_folder, running_in
from alphaction.engine.run_pictures import showing
from alphaction.engine.run_plan import RunPlan, plan_rows, warnings_of
from alphaction.engine.run_start import begin_in_folder, tidy_folder
from alphaction.engine.setup import (
    Runtime,
    check_precision,
    describe_environment,
    processes_from_environment,
    set_up_runtime,
    tear_down_runtime,
    wrap_for_processes,
)
from alphaction.engine.stop import Stop
from alphaction.engine.summary import summarize
from alphaction.engine.trainer import Trainer
from alphaction.solver import describe_rates
from alphaction.utils.command_text import this_command
from alphaction.utils.device import choose_device
from alphaction.utils.errors import saying_how_to_go_on
from alphaction.utils.logging import collected_log, get_logger, logged_run


def train(args: argparse.Namespace, stop: Stop | None = None) -> dict[str, Any] | None:
    """Train as the command line says (the flags of train_net.py).

    What is left to the caller is to make a report, and then to call ``log_ending``.

    Args:
        args: the flags.
        stop: what listens to signals; None: one of a program of its own.

    Returns:
        the summary of the run (:func:`alphaction.engine.summary.summarize`), in the main process; None in others.

    Raises:
        UserError: for anything wrong in the config, the data or the weights, before the first iteration.
        Preempted: when a signal other than Ctrl-C has ended the run, or the end of its launcher.
        KeyboardInterrupt: for Ctrl-C, and for any signal before there is something to save.
    """
    rank, world_size = processes_from_environment()
    run = configure_run(args, world_size, writes=rank == 0)
    folder = Path(run.cfg.OUTPUT_DIR)
    stop = Stop() if stop is None else stop
    with locked_folder(folder, holds=rank == 0) as lock, stop.listening():
        try:
            runtime = set_up_runtime(run.cfg, args.seed, args.local_rank, stop)
            with logged_run(folder, runtime.is_main) as logger, runtime.watched():
                logger.info(describe_environment(runtime))
                if args.compile:
                    refuse_checkpointing(run.cfg)
                    require_compiler(runtime.device)
                tidy_folder(lock)
                for line in (run.scaling, *run.notes):
                    logger.info(line)
                with naming_what_helps("training", training_advice(run.cfg)):
                    return _prepare_and_train(run, runtime)
        finally:
            tear_down_runtime()


def _prepare_and_train(run: RunConfig, runtime: Runtime) -> dict[str, Any] | None:
    with saying_how_to_go_on(_nothing_done):
        prepared = prepare_run(run, runtime)
    hint = partial(how_to_resume, run, prepared.start, time.time())
    with runtime.stop.deferred(hint), saying_how_to_go_on(hint), errors_say_how_to_resume(hint):
        return _train(run, prepared, runtime)


def plan_run(
    args: argparse.Namespace, num_processes: int | None = None, device: str | None = None, *, writes: bool = True
) -> RunPlan:
    """Return what :func:`train` would do, after all that it does before the first step. Nothing is written.

    Only the memory of a run that is continued is not read, which no run is refused for.

    Args:
        args: the flags of train_net.py.
        num_processes: processes over all machines; None: as the environment says.
        device: "cuda" or "cpu", which need not be here; None: what MODEL.DEVICE gives on this machine.
        writes: whether the main process of the run is on this machine, so that OUTPUT_DIR must be writable.

    Raises:
        UserError: as :func:`train` before the first iteration.
    """
    if num_processes is None:
        _, num_processes = processes_from_environment()
    run = configure_run(args, num_processes, writes=writes)
    device = device or choose_device(run.cfg.MODEL.DEVICE, "MODEL.DEVICE").type
    check_precision(run.cfg, torch.device(device))
    if args.compile:
        refuse_checkpointing(run.cfg)
        require_tools(torch.device(device))
    with collected_log() as log, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*meta parameter")  # Nothing is copied into one, as is meant here.
        prepared = prepare_run(run, Runtime(PLANNED, 0, num_processes, args.seed))
    done = prepared.start_iteration
    return RunPlan(
        cfg=run.cfg,
        start=prepared.start,
        start_iteration=done,
        rows=plan_rows(
            run,
            device,
            prepared.start_text,
            done,
            prepared.train_set,
            prepared.test_sets,
            rates=describe_rates(run.cfg, prepared.model),
            features=describe_feature_cache(run.cfg, [*prepared.train_set.datasets, *prepared.test_sets]),
        ),
        notes=(*run.notes, *([] if _left_to_train(run, prepared) else [_nothing_to_train(run, prepared)])),
        warnings=(*warnings_of(log), *_other_run(run.cfg.OUTPUT_DIR, writes)),
    )


def _train(run: RunConfig, prepared: PreparedRun, runtime: Runtime) -> dict[str, Any] | None:
    cfg, args, model = run.cfg, run.args, prepared.model
    folder, best = Path(cfg.OUTPUT_DIR), prepared.best
    if best is not None:
        best.agree()
    trains = _left_to_train(run, prepared)
    if runtime.is_main and trains:  # A run that is finished keeps the config that it was trained with.
        begin_in_folder(folder, prepared.start)
        write_atomically(folder / CONFIG_FILE, lambda file: file.write(cfg.dump().encode()))
    if best is not None:
        if runtime.is_main:
            settle_best_file(best, folder, prepared.start)
        best.agree()
    read = [*(prepared.train_set.datasets if trains else ()), *prepared.test_sets]
    use_feature_cache(cfg, model, read, runtime)
    average = None if prepared.average is None else prepared.average.model
    evaluate = partial(evaluate_datasets, cfg, model, prepared.test_sets, runtime, average)
    trainer = Trainer.from_config(
        cfg,
        runtime=runtime,
        model=wrap_for_processes(model, runtime) if trains else model,
        optimizer=prepared.optimizer,
        scheduler=prepared.scheduler,
        scaler=prepared.scaler,
        checkpointer=prepared.checkpointer,
        best=best,
        pool=prepared.pool,
        keyframes=prepared.train_set.keyframes,
        average=prepared.average,
    )
    trainer.restore(prepared.extra)
    if trains:
        loader = build_train_loader(
            cfg,
            prepared.train_set,
            seed=runtime.seed,
            start_iteration=prepared.start_iteration,
            rank=runtime.rank,
            world_size=runtime.world_size,
        )
        if args.compile:
            compile_backbone(model)
        with listing_skipped(loader.skipped), showing(run, prepared, runtime) as (plots, pictures):
            evaluate = partial(evaluate, show=pictures.show_keyframes)
            done = trainer.run(
                pictures.watching(loader, prepared.train_set) if runtime.is_main else loader,
                prepared.start_iteration,
                evaluate_between=None if args.skip_val_in_train else evaluate,
                evaluate_at_end=None if args.skip_final_test else evaluate,
                plots=plots,
            )
    else:
        done = prepared.start_iteration
        get_logger().info(_nothing_to_train(run, prepared))
        # An evaluation that was cut short is shown as it would have been.
        lacking = done not in iterations_evaluated(read_metrics(folder))
        with showing(run, prepared, runtime) if lacking else nullcontext((None, None)) as (plots, pictures):
            show = pictures and pictures.show_keyframes
            trainer.finish(done, None if args.skip_final_test else partial(evaluate, show=show), plots)
    if not runtime.is_main:
        return None
    return summarize(run, done, best, trainer.time.state_dict(), prepared.test_sets, prepared.train_set.datasets[0])


def _left_to_train(run: RunConfig, prepared: PreparedRun) -> bool:
    """Return whether iterations are left, and the run has not ended early."""
    ended = prepared.best is not None and prepared.best.exhausted
    return prepared.start_iteration < run.cfg.SOLVER.MAX_ITER and not ended


def _nothing_done() -> str:
    return f"Nothing was trained yet, so there was nothing to save. The same command starts again:\n  {this_command()}"


def _nothing_to_train(run: RunConfig, prepared: PreparedRun) -> str:
    done, max_iter, best = prepared.start_iteration, run.cfg.SOLVER.MAX_ITER, prepared.best
    new = "--transfer with MODEL.WEIGHT and a new OUTPUT_DIR starts a new run from the weights"
    if done >= max_iter:
        left = "nothing is left to do" if run.args.skip_final_test else "only the evaluation is left"
        return f"SOLVER.MAX_ITER {max_iter} is reached already: {left}. A higher MAX_ITER continues the training; {new}"
    return (
        f"the run ended early, at iteration {done} of {max_iter}: {best.why_exhausted()}. {how_to_go_on(best)}; {new}"
    )


def _other_run(output_dir: str, writes: bool) -> list[str]:
    """Return the warning that a run is going on in OUTPUT_DIR, which this process would be refused for."""
    other = running_in(Path(output_dir)) if writes else ""
    return [f"a run is going on in OUTPUT_DIR {output_dir} ({other}): while it does, no other starts there"] * bool(
        other
    )
