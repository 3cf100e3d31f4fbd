"""The names that a dataset may have."""

from __future__ import annotations

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.dataset_folder import check_name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my pets", r'"my pets": expected letters, .*, such as "my_pets"'),
        ("a_train", r'would register a_train_train and a_train_val.* the train split of "a"\..*, such as "a"'),
        ("pets_val", r'does not end in _val, such as "pets"'),
        ("ava_video", r'AVA, which is built in, is called so\. Choose another name, such as "my_ava_video"'),
        ("ava", "built in"),
    ],
)
def test_names_that_mean_something_else_are_refused(name, message):
    with pytest.raises(UserError, match=message):
        check_name(name)


@pytest.mark.parametrize("name", ["pets", "train", "ava_kitchen", "a_training", "val", "2-b"])
def test_other_names_are_free(name):
    check_name(name)
