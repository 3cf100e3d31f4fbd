"""The verbs of the command ``alphaction``, and the scripts of a clone that do the same.

Standard library only, and nothing that Python 3.7 cannot parse: this is read before packages are looked for.
"""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """What follows ``alphaction`` on the command line.

    Attributes:
        name: the verb; its command line is the module ``alphaction.commands.NAME``, with _ for -.
        script: the script that does the same, as a path from the clone's folder; "" if there is none.
        summary: one line for the list of verbs.
        needs_packages: whether it ends with a message where a required package is missing.
    """

    name: str
    script: str
    summary: str
    needs_packages: bool = True

    @property
    def module(self) -> str:
        """The module of its command line."""
        return f"alphaction.commands.{self.name.replace('-', '_')}"


# In the order of use.
GROUPS: dict[str, tuple[Verb, ...]] = {
    "before you begin": (
        Verb("doctor", "", "check this machine: packages, devices, video decoders, memory, disk", needs_packages=False),
        Verb("toy", "tools/make_toy_dataset.py", "make a toy dataset, to try out everything in minutes"),
    ),
    "data": (
        Verb("prepare", "tools/prepare_dataset.py", "make a dataset of your videos and annotations"),
        Verb("detect", "tools/detect_persons.py", "make boxes of persons with a detector, or import them"),
        Verb("validate", "tools/validate_dataset.py", "check a dataset before training on it"),
        Verb("look", "tools/visualize_dataset.py", "draw keyframes of a dataset with boxes and classes"),
    ),
    "training": (
        Verb("weights", "tools/download_weights.py", "list and download public weights to start from"),
        Verb("convert", "tools/convert_weights.py", "convert weights of another project"),
        Verb("config", "tools/generate_finetune_config.py", "write a config for a dataset"),
        Verb("launch", "tools/finetune_quickstart.sh", "plan a training for the GPUs that are here, and start it"),
        Verb("train", "train_net.py", "train, in this process or under torchrun"),
        Verb("test", "test_net.py", "evaluate a checkpoint"),
        Verb("folds", "tools/run_folds.py", "train the folds of a cross-validation, and sum them up"),
        Verb("calibrate", "tools/calibrate.py", "choose a threshold for each class, kept in the checkpoint"),
    ),
    "results": (
        Verb("report", "tools/report.py", "write a page about a run: curves, mistakes with pictures"),
        Verb("compare", "tools/compare_runs.py", "tell whether the difference of two runs is more than noise"),
        Verb("predict", "tools/predict_video.py", "predict the actions in videos"),
        Verb("export", "tools/export_model.py", "export a checkpoint as ONNX, TorchScript or torch.export"),
        Verb("annotate", "tools/export_annotations.py", "write predictions for an annotation tool, to be corrected"),
        Verb("draw", "tools/draw_predictions.py", "draw predictions on keyframes beside the ground truth"),
        Verb("evaluate", "tools/evaluate_ava.py", "compute AVA's mAP of a results csv"),
        Verb("tubes", "tools/evaluate_tubes.py", "compute video-mAP of the tubes of persons who do an action"),
    ),
    "files of AVA": (
        Verb("ava-clips", "tools/process_ava_videos.py", "cut movies into one-second clips and keyframes"),
        Verb("ava-json", "tools/csv2COCO.py", "convert csv annotations to the JSON of other AVA tools"),
    ),
}
VERBS: dict[str, Verb] = {verb.name: verb for verbs in GROUPS.values() for verb in verbs}
