"""What an error of the memory says, and which errors are such."""

from __future__ import annotations

import errno

import cv2
import numpy as np
import pytest
import torch
from messages import says

from alphaction.config import get_cfg
from alphaction.engine.out_of_memory import memory_of, naming_what_helps, prediction_advice, training_advice
from alphaction.utils.errors import DataError, ResourceError

CUDA = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 2.34 GiB. GPU 0 has a total capacity of 15.77 GiB of which 1.2 GiB is free."
)
HUGE = 1 << 47


def raised(call) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        lambda: raised(lambda: torch.zeros(HUGE)),
        lambda: raised(lambda: np.zeros(HUGE)),
        lambda: raised(lambda: bytearray(HUGE)),
        lambda: MemoryError("Caught MemoryError in DataLoader worker process 0."),
        lambda: RuntimeError(
            f"Caught RuntimeError in DataLoader worker process 1.\n{raised(lambda: torch.zeros(HUGE))}"
        ),
        lambda: OSError(errno.ENOMEM, "Cannot allocate memory"),
        lambda: cv2.error("OpenCV: (-4:Insufficient memory) Failed to allocate 10800000000 bytes"),
        lambda: RuntimeError("can't start new thread"),
    ],
)
def test_the_memory_of_the_host(error):
    assert memory_of(error()) == "host"


@pytest.mark.parametrize(
    "error",
    [
        CUDA,
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_the_memory_of_the_device(error):
    assert memory_of(error) == "device"


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.ENOENT, "no such file"), KeyError("a")])
def test_other_errors_stay_as_they_are(error):
    assert memory_of(error) is None
    with pytest.raises(type(error)), naming_what_helps("training", training_advice(get_cfg())):
        raise error


def message(error: Exception, advice, **keys: object) -> str:
    cfg = get_cfg()
    for key, value in keys.items():
        cfg.merge_from_list([key.replace("__", "."), value])
    with pytest.raises(ResourceError) as caught, naming_what_helps("training", advice(cfg)):
        raise error
    assert caught.value.status == 7
    return str(caught.value)


def test_a_training_is_told_the_keys_with_its_values():
    text = message(CUDA, training_advice, SOLVER__VIDEOS_PER_BATCH=16, SOLVER__BASE_LR=0.01)
    says(
        text, "on the device while training (2.34 GiB", "SOLVER.ACCUMULATION_STEPS 2 (1 now)", "8 in place of 16 clips"
    )
    says(text, "SOLVER.VIDEOS_PER_BATCH 8 (16 now", "MODEL.ACTIVATION_CHECKPOINTING True", "SOLVER.AMP bf16 (off now)")
    says(text, "INPUT.MIN_SIZE_TRAIN 256")
    assert "NUM_WORKERS" not in text


def test_what_is_done_already_is_not_advised():
    text = message(
        CUDA,
        training_advice,
        SOLVER__VIDEOS_PER_BATCH=6,
        SOLVER__ACCUMULATION_STEPS=2,
        SOLVER__AMP="bf16",
        MODEL__ACTIVATION_CHECKPOINTING=True,
    )
    says(text, "SOLVER.ACCUMULATION_STEPS 3 (2 now)", "2 in place of 3 clips")
    assert "AMP" not in text
    assert "ACTIVATION_CHECKPOINTING" not in text
    alone = message(CUDA, training_advice, SOLVER__VIDEOS_PER_BATCH=1)
    assert "VIDEOS_PER_BATCH" not in alone
    assert "ACCUMULATION_STEPS" not in alone


def test_the_host_has_keys_of_its_own():
    text = message(raised(lambda: torch.zeros(HUGE)), training_advice)
    says(text, "on the host", f"{HUGE * 4 / 2**20:,.0f} MiB", "DATALOADER.NUM_WORKERS 2 (4 now)", "ulimit -v")
    assert "AMP" not in text


def test_an_evaluation_has_those_of_the_test():
    says(message(CUDA, prediction_advice), "TEST.VIDEOS_PER_BATCH 8 (16 now)", "INPUT.MIN_SIZE_TEST 256")


def test_a_mistake_that_was_explained_already_is_left_alone():
    error = DataError("clip.mp4: out of memory")
    with pytest.raises(DataError) as caught, naming_what_helps("training", training_advice(get_cfg())):
        raise error
    assert caught.value is error
