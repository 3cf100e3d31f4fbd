"""The interactive way, as transcripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import pytest
from messages import says

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.prompts import ask
from alphaction.workflows.finetune.questions import ask_options

CLASSES = [("walk", "PERSON_MOVEMENT"), ("run", "PERSON_MOVEMENT"), ("talk", "PERSON_INTERACTION")]


class Transcript:
    """Answers in turn, then the end of input; what is written is kept."""

    def __init__(self, monkeypatch, capsys) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.answers: list[str] = []
        self.text = ""

    def __call__(self, *answers: str) -> Transcript:
        self.answers, self.text = list(answers), ""
        return self

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def read(self, prompt: str) -> str:
        print(prompt, end="")
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def ask(self, options: FinetuneOptions, output: Path | None = None, **values):
        self.monkeypatch.setattr(click.termui, "visible_prompt_func", self.read)
        try:
            return ask_options(options, output, **values)
        finally:
            self.text = self.capsys.readouterr().out


@pytest.fixture
def transcript(monkeypatch, capsys) -> Transcript:
    return Transcript(monkeypatch, capsys)


@pytest.fixture
def own(make_dataset) -> FinetuneOptions:
    return FinetuneOptions(backbone="tiny", data_dir=str(make_dataset(CLASSES)))


def test_good_answers(transcript, own, tmp_path):
    target = tmp_path / "new" / "own.yaml"
    transcript("own", "3", "4", "resnet101", "yes", "denseserial", "none", "8", "0.001", "20 epochs", str(target))
    options, stats, output = transcript.ask(own)
    assert output == target
    assert (options.dataset_name, options.num_classes, options.num_gpus, options.backbone) == ("own", 3, 4, "resnet101")
    assert (options.use_ia, options.ia_structure, options.weights) == (True, "denseserial", "")
    assert (options.batch_size, options.lr, options.epochs, options.max_iter) == (8, 0.001, 20.0, None)
    assert stats.train == "own_train"
    assert generate_config(options, stats).cfg.SOLVER.VIDEOS_PER_BATCH == 8
    assert "own_train: 1 keyframe of 1 video, 3 classes (2 movement, 0 object, 1 person)" in transcript.text


def test_enter_takes_what_is_shown(transcript, own, tmp_path):
    transcript(*[""] * 20)
    options, _, output = transcript.ask(own, tmp_path / "own.yaml")
    assert (options.num_classes, options.backbone, options.use_ia, options.batch_size) == (3, "tiny", False, None)
    assert output == tmp_path / "own.yaml"
    for question in ("Dataset [own_train]:", "Number of classes [3]:", 'epochs as "20 epochs" [300, 300 epochs]:'):
        assert question in transcript.text
    assert (
        len(transcript.answers) == 11
    )  # nine questions: none about the structure of no IA, or the weights of a tiny network


@pytest.mark.parametrize(
    ("bad", "reason", "position"),
    [
        ("pets", '"pets"', 0),
        ("own_val", "--dataset-name own_train", 0),
        ("7", "holds 3", 1),
        ("three", "three: ", 1),
        ("-1", "-1: expected a whole number, 0 or more", 2),
        ("resnet", '"resnet', 3),
        ("perhaps", '"perhaps": ', 4),
        ("0", "0: expected a whole number, 1 or more", 5),
        ("-0.1", "--lr -0.1: ", 6),
        ("fast", "fast: ", 6),
        ("0 epochs", "--epochs 0.0: ", 7),
        ("1.2.3 epochs", "1.2.3: ", 7),
        (f"1{'0' * 320} epochs", "00: ", 7),
        ("9" * 20, "to 100000000", 7),
        ("many", "many: ", 7),
        ("own.txt", "Name it own.yaml", 8),
    ],
)
def test_a_bad_answer_is_asked_again_with_the_reason(transcript, own, tmp_path, bad, reason, position):
    transcript(*[""] * position, bad, *[""] * 20)
    options, _, _ = transcript.ask(own, tmp_path / "own.yaml")
    asked = next(place for place, line in enumerate(transcript.lines) if reason in line)
    question, again = transcript.lines[asked - 1], transcript.lines[asked + 1]
    assert question.split("]:")[0] == again.split("]:")[0]
    assert question.endswith(bad)  # What comes from a pipe is shown.
    assert options.backbone == "tiny"


def test_a_batch_that_does_not_split_over_the_gpus(transcript, own, tmp_path):
    transcript("", "", "2", "", "", "3", "4", *[""] * 9)
    options, _, _ = transcript.ask(own, tmp_path / "own.yaml")
    assert options.batch_size == 4
    says(transcript.text, "--batch-size 3 ", "--num-gpus 2")


def test_a_batch_flag_that_does_not_split_is_said(transcript, own, tmp_path):
    transcript(*[""] * 20)
    options, _, _ = transcript.ask(replace(own, num_gpus=3, batch_size=7), tmp_path / "own.yaml")
    assert options.batch_size is None
    says(transcript.text, "--batch-size 7 ", "--num-gpus 3")


def test_a_number_of_classes_that_does_not_fit_is_asked_for_again(transcript, own, tmp_path):
    transcript(*[""] * 20)
    options, _, _ = transcript.ask(replace(own, num_classes=5), tmp_path / "own.yaml")
    assert options.num_classes == 3
    assert "--num-classes 5" in transcript.text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": -1.0}, "--lr -1"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"num_gpus": -1}, "--num-gpus -1"),
        ({"dataset_name": ""}, "--dataset-name "),
        ({"epochs": 2.0, "max_iter": 5}, "--epochs"),
        ({"val_dataset": "own_vall"}, '"own_val"'),
    ],
)
def test_bad_flags_are_refused_before_the_first_question(transcript, own, values, message):
    transcript()
    with pytest.raises(UserError, match=message):
        transcript.ask(replace(own, **values))
    assert transcript.lines == []


def test_weights_that_are_not_there(transcript, own, tmp_path):
    transcript("", "", "", "resnet50", "", "nowhere.pth", "none", *[""] * 9)
    options, _, _ = transcript.ask(own, tmp_path / "own.yaml")
    assert options.weights == ""
    assert "nowhere.pth" in transcript.text


@pytest.mark.parametrize(
    ("answers", "question"),
    [((), "Dataset"), (("own",), "Number of classes"), (("own", "3", "1", "resnet50", "yes"), "Structure")],
)
def test_the_end_of_input_ends_the_questions(transcript, own, tmp_path, answers, question):
    with pytest.raises(UserError, match=f'end of input at "{question}.*nothing was written'):
        transcript(*answers).ask(own, tmp_path / "own.yaml")
    assert list(tmp_path.glob("*.yaml")) == []


def test_a_file_that_exists_is_asked_for_again(transcript, own, tmp_path):
    target = tmp_path / "own.yaml"
    target.write_text("mine")
    transcript(*[""] * 9, str(tmp_path / "other.yaml"))
    assert transcript.ask(own, target)[2] == tmp_path / "other.yaml"
    assert "--force" in transcript.text
    assert transcript(*[""] * 20).ask(own, target, force=True)[2] == target


def test_bytes_that_are_no_text(monkeypatch, capsys):
    answers = iter([b"\xff", b"tiny"])
    monkeypatch.setattr(click.termui, "visible_prompt_func", lambda prompt: next(answers).decode())
    assert ask("Backbone", "tiny", "resnet50", str) == "tiny"
    assert "no text" in capsys.readouterr().out


def test_ctrl_c_is_passed_on(own, tmp_path, monkeypatch):
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.termui, "visible_prompt_func", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask_options(own, tmp_path / "own.yaml")


def test_a_public_network_is_asked_for_its_frozen_part_and_for_weights_of_its_own(transcript, own, tmp_path):
    answers = ("", "", "", "vit_s", "all", "no", "swin3d_t_k400", "vit_s_videomae_k400")
    transcript(*answers, *[""] * 9)
    options, _, _ = transcript.ask(replace(own, freeze="stem"), tmp_path / "own.yaml")
    assert (options.backbone, options.freeze, options.weights) == ("vit_s", "all", "vit_s_videomae_k400")
    says(transcript.text, "swin3d_t_k400 are of a Swin3D-Tiny", "Part that stays as loaded: none, stem")


def test_weights_flag_of_another_network_is_said_once_the_backbone_is_known(transcript, own, tmp_path):
    transcript("", "", "", "vit_s", *[""] * 12)
    options, _, _ = transcript.ask(replace(own, weights="swin3d_t_k400"), tmp_path / "own.yaml")
    assert options.weights is None
    says(transcript.text, "swin3d_t_k400 are of a Swin3D-Tiny")
