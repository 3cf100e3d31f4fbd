"""What the user says about weights: it settles questions, and must agree with what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alphaction.checkpoint.foreign.converted import Question, Setting
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed, problem_list

BY_USER = "the command line"


def settle(
    path: Path, settings: Mapping[str, Setting], questions: Mapping[str, Question], answers: Mapping[str, Any]
) -> tuple[dict[str, Setting], dict[str, Question]]:
    """Return the settings with the answers to questions among them, and the questions that stay open.

    Args:
        path: the file, for messages.
        settings: what the file says.
        questions: what it does not say.
        answers: config key -> value of the key's type, from the user.

    Raises:
        CheckpointError: for an answer that contradicts the file, is none of a question's choices, or answers nothing.
    """
    settled, open_questions, problems = dict(settings), dict(questions), []
    for key, value in answers.items():
        if key in questions:
            choices = questions[key].choices
            if not any(_same(value, choice) for choice in choices):
                problems.append(f"{key} {value}: it is {' or '.join(map(str, choices))} in such networks.")
            settled[key] = Setting(value, questions[key].part, BY_USER)
            open_questions.pop(key)
        elif key in settings:
            if not _same(value, settings[key].value):
                problems.append(
                    f"{key} {value} contradicts the file: {settings[key].value} ({settings[key].why}). Leave it out."
                )
        else:
            allowed = f"It may be {listed(questions)}." if questions else "Nothing needs to be said about this file."
            problems.append(f"{key} is no setting of these weights. {allowed}")
    if problems:
        raise CheckpointError(
            problem_list(f"{path}: the KEY VALUE pairs:", [f"{path}: {problem}" for problem in problems])
        )
    return settled, open_questions


def _same(given: Any, known: Any) -> bool:
    if isinstance(given, list | tuple) and isinstance(known, list | tuple):
        return len(given) == len(known) and all(map(_same, given, known))
    if isinstance(given, float) or isinstance(known, float):
        return abs(given - known) <= 1e-4 * max(abs(given), abs(known))
    return given == known
