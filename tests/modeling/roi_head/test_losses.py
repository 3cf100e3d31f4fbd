"""Axes: N persons, C classes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from alphaction.config import get_cfg
from alphaction.config.class_groups import HeadGroup
from alphaction.layers import sigmoid_focal_loss, softmax_focal_loss
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.utils.errors import UserError


def loss_of(sizes: tuple[int, int, int], **kwargs) -> ActionLoss:
    return ActionLoss(sizes, (2.0, 3.0, 5.0), **kwargs)


def focal(probability: float, gamma: float = 2.0) -> float:
    return -((1 - probability) ** gamma) * math.log(probability)


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def as_floats(values: dict[str, Tensor]) -> dict[str, float]:
    assert all(value.shape == () for value in values.values())
    return {name: value.item() for name, value in values.items()}


def test_all_groups_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0, logit(0.9), logit(0.2), logit(0.6)], [0, 0, logit(0.5), logit(0.5), 0]])
    labels = torch.tensor([[1.0, 0, 1, 0, 0], [0, 1, 0, 0, 1]])
    losses, accuracies = loss_of((2, 2, 1))(logits, labels, boxes_per_process=4.0)
    movement = focal(0.75) + focal(0.5)
    objects = (focal(0.9) + focal(0.8) + 2 * focal(0.5)) / 2
    persons = focal(0.4) + focal(0.5)
    assert as_floats(losses) == pytest.approx(
        {"loss_movement": 2 * movement / 4, "loss_object": 3 * objects / 4, "loss_person": 5 * persons / 4}, rel=1e-5
    )
    # A tie is decided for the first class; a probability of exactly 0.5 is a no.
    expected = {"accuracy_movement": 0.5, "accuracy_object": 1.0, "accuracy_person": 0.0}
    assert as_floats(accuracies) == pytest.approx(expected)


def test_default_weights_are_those_of_the_config() -> None:
    loss = ActionLoss.from_config(get_cfg())
    movement, objects, persons = loss.groups
    assert movement == HeadGroup("movement", 14, exclusive=True, weight=1.2)
    assert objects == HeadGroup("object", 49, weight=49.0)
    assert persons == HeadGroup("person", 17, weight=17.0)
    assert loss.groups == ActionLoss((14, 49, 17)).groups
    assert (loss.gamma, loss.alpha, loss.num_classes) == (2.0, -1.0, 80)


def test_gamma_zero_is_the_cross_entropy() -> None:
    logits, labels = torch.randn(5, 6), torch.eye(6)[torch.tensor([0, 1, 2, 2, 0])]
    labels[:, 3:] = torch.rand(5, 3).round()
    losses, _ = ActionLoss((3, 3, 0), (1.0, 1.0, 1.0), gamma=0.0)(logits, labels)
    torch.testing.assert_close(
        losses["loss_movement"], torch.nn.functional.cross_entropy(logits[:, :3], labels[:, :3].argmax(1))
    )
    torch.testing.assert_close(
        losses["loss_object"], torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 3:], labels[:, 3:])
    )


def test_the_loss_of_videomae() -> None:
    """Weights in proportion to the sizes of the groups make it the mean over boxes and classes of all groups."""
    sizes = (14, 49, 17)
    cfg = get_cfg()
    head = cfg.MODEL.ROI_ACTION_HEAD
    head.EXCLUSIVE_MOVEMENT, head.FOCAL_LOSS.GAMMA = False, 0.0
    head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT = (size / sum(sizes) for size in sizes)
    logits, labels = 5 * torch.randn(6, 80), torch.rand(6, 80).round()
    logits[0, :2] = torch.tensor([200.0, -200.0])  # where 1 - p is 0 in float32
    logits.requires_grad_()
    total = sum(ActionLoss.from_config(cfg)(logits, labels)[0].values())
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    torch.testing.assert_close(total, expected)
    (gradient,), (wanted,) = torch.autograd.grad(total, logits), torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, wanted)
    # VideoMAE-Action-Detection multiplies it by the number of boxes, by which nothing is divided then.
    summed = sum(ActionLoss.from_config(cfg)(logits, labels, boxes_per_process=1.0)[0].values())
    torch.testing.assert_close(summed, 6 * expected)


def test_alpha_weighs_positives_and_negatives() -> None:
    logits, labels = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    losses, _ = ActionLoss((0, 2, 0), (1.0, 1.0, 1.0), alpha=0.25)(logits, labels)
    assert losses["loss_object"].item() == pytest.approx((0.25 + 0.75) / 2 * focal(0.5))


def test_weights_of_classes_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0, logit(0.9), logit(0.2), 0], [0, 0, 0, 0, 0]])
    labels = torch.tensor([[1.0, 0, 1, 0, 0], [0, 1, 0, 0, 1]])
    loss = ActionLoss((2, 2, 1), (1.0, 1.0, 1.0))
    loss.weigh_classes(torch.tensor([0.5, 1.5, 0.25, 1.75, 1.0], dtype=torch.float64))
    losses, accuracies = loss(logits, labels, boxes_per_process=1.0)
    movement = 0.5 * focal(0.75) + 1.5 * focal(0.5)  # of the target
    objects = (0.25 * (focal(0.9) + focal(0.5)) + 1.75 * (focal(0.8) + focal(0.5))) / 2  # with the class and without
    assert as_floats(losses) == pytest.approx(
        {"loss_movement": movement, "loss_object": objects, "loss_person": 2 * focal(0.5)}, rel=1e-5
    )
    assert as_floats(accuracies) == as_floats(ActionLoss((2, 2, 1))(logits, labels)[1])


def test_equal_weights_leave_every_bit_and_no_checkpoint_holds_any() -> None:
    logits, labels = torch.randn(6, 5), torch.rand(6, 5).round()
    plain, weighted = loss_of((2, 2, 1)), loss_of((2, 2, 1))
    weighted.weigh_classes(torch.ones(5))
    for one, other in zip(plain(logits, labels), weighted(logits, labels), strict=True):
        assert as_floats(one) == as_floats(other)
    assert not weighted.state_dict()
    weighted.load_state_dict(plain.state_dict())
    with pytest.raises(ValueError, match="5 classes"):
        weighted.weigh_classes(torch.ones(4))


def test_weights_follow_to_another_device_and_a_person_without_movement_adds_nothing() -> None:
    loss = ActionLoss((2, 0, 0), (1.0, 1.0, 1.0))
    loss.weigh_classes(torch.tensor([0.5, 1.5]))
    assert loss.to("meta").class_weights.device.type == "meta"
    loss = ActionLoss((2, 0, 0), (1.0, 1.0, 1.0))
    loss.weigh_classes(torch.tensor([0.5, 1.5]))
    assert loss(torch.zeros(1, 2), torch.zeros(1, 2))[0]["loss_movement"].item() == 0.0


@pytest.mark.parametrize("normalizer", [None, 2.0, torch.tensor(2.0), torch.tensor(2)])
def test_normalizer(normalizer: Tensor | float | None) -> None:
    logits, labels = torch.randn(2, 4), torch.eye(4)[:2]
    losses, _ = loss_of((2, 1, 1))(logits, labels, normalizer)
    expected, _ = loss_of((2, 1, 1))(logits, labels, 1.0)
    for name, value in losses.items():
        torch.testing.assert_close(value, expected[name] / 2)


@pytest.mark.parametrize("normalizer", [None, 0.0, torch.tensor(0.0), torch.tensor(1.5)])
def test_no_persons_give_zeros_that_are_connected(normalizer: Tensor | float | None) -> None:
    logits = torch.empty(0, 5, requires_grad=True)
    losses, accuracies = loss_of((2, 2, 1))(logits, torch.empty(0, 5), normalizer)
    assert set(as_floats(losses).values()) == {0.0}
    assert set(as_floats(accuracies).values()) == {0.0}
    sum(losses.values()).backward()
    assert logits.grad is not None


def test_a_person_without_movement_label_does_not_train_the_movements() -> None:
    logits = torch.randn(2, 5, requires_grad=True)
    labels = torch.tensor([[0.0, 0, 0, 1, 0], [0, 1, 0, 0, 0]])
    losses, accuracies = loss_of((3, 2, 0))(logits, labels)
    alone, _ = loss_of((3, 2, 0))(logits[1:], labels[1:])
    torch.testing.assert_close(losses["loss_movement"], alone["loss_movement"] / 2)
    assert accuracies["accuracy_movement"].item() == float(logits[1, :3].argmax() == 1)
    sum(losses.values()).backward()
    assert not logits.grad[0, :3].any()
    assert logits.grad[0, 3:].all()
    assert logits.grad[1].all()


def test_nobody_has_a_movement_label() -> None:
    losses, accuracies = loss_of((3, 1, 0))(torch.randn(2, 4), torch.zeros(2, 4))
    assert losses["loss_movement"].item() == 0.0
    assert accuracies["accuracy_movement"].item() == 0.0
    assert losses["loss_object"].item() > 0


def test_movements_that_do_not_exclude_each_other() -> None:
    loss = loss_of((2, 0, 0), exclusive_movement=False)
    logits, labels = torch.tensor([[logit(0.9), logit(0.8)]]), torch.tensor([[1.0, 1.0]])
    losses, accuracies = loss(logits, labels)
    assert losses["loss_movement"].item() == pytest.approx(2 * (focal(0.9) + focal(0.8)) / 2, rel=1e-5)
    assert accuracies["accuracy_movement"].item() == 1.0
    torch.testing.assert_close(loss.probabilities(logits), torch.tensor([[0.9, 0.8]]))


@pytest.mark.parametrize("sizes", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 0, 0), (0, 2, 0), (1, 1, 1), (0, 1, 2)])
def test_few_classes_can_be_learned(sizes: tuple[int, int, int]) -> None:
    loss = loss_of(sizes)
    logits = torch.zeros(4, sum(sizes), requires_grad=True)
    labels = torch.zeros(4, sum(sizes))
    labels[torch.arange(4), torch.arange(4) % sum(sizes)] = 1.0
    losses, accuracies = loss(logits, labels)
    present = [name for name, size in zip(("movement", "object", "person"), sizes, strict=True) if size]
    assert list(losses) == [f"loss_{name}" for name in present]
    assert list(accuracies) == [f"accuracy_{name}" for name in present]
    sum(losses.values()).backward()
    assert logits.grad.any(dim=0).all()
    with torch.no_grad():
        better, _ = loss(-logits.grad, labels)
    assert sum(better.values()) < sum(losses.values())


def test_a_single_movement_class_is_not_always_certain() -> None:
    assert loss_of((1, 0, 0)).probabilities(torch.tensor([[0.0]])).tolist() == [[0.5]]


def test_probabilities() -> None:
    logits = torch.tensor([[math.log(3), 0, logit(0.9), logit(0.2)]], dtype=torch.bfloat16)
    probabilities = loss_of((2, 1, 1)).probabilities(logits)
    assert probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities, torch.tensor([[0.75, 0.25, 0.9, 0.2]]), rtol=0.01, atol=0)


def test_groups_must_add_up() -> None:
    cfg = get_cfg()
    cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES = 12
    with pytest.raises(UserError, match=r"NUM_CLASSES is 12.*14 \+ 49 \+ 17 = 80"):
        ActionLoss.from_config(cfg)


OWN_GROUPS = (HeadGroup("posture", 3, exclusive=True, weight=1.2), HeadGroup("sound", 2, weight=2.0))


def test_the_losses_of_ava_are_those_of_before_to_the_bit() -> None:
    """Groups of the label map's own add to the losses of AVA's three, and change nothing about them."""
    torch.manual_seed(0)
    logits, labels = torch.randn(7, 85), torch.rand(7, 85).gt(0.8).float()
    ava = ActionLoss((14, 49, 17))
    losses, accuracies = ava(logits[:, :80], labels[:, :80])
    per_person = softmax_focal_loss(logits[:, :14], labels[:, :14].argmax(dim=1), 2.0, -1.0)
    per_person = torch.where(labels[:, :14].any(dim=1), per_person, 0.0)
    assert torch.equal(losses["loss_movement"], 1.2 * per_person.sum() / 7.0)
    for name, part, weight in (("object", slice(14, 63), 49.0), ("person", slice(63, 80), 17.0)):
        elements = sigmoid_focal_loss(logits[:, part], labels[:, part], 2.0, -1.0)
        assert torch.equal(losses[f"loss_{name}"], weight * elements.mean(dim=1).sum() / 7.0)
    both, further = ActionLoss((14, 49, 17), own_groups=OWN_GROUPS)(logits, labels)
    assert list(both) == [*losses, "loss_posture", "loss_sound"]
    assert all(torch.equal(both[name], value) for name, value in losses.items())
    assert all(torch.equal(further[name], value) for name, value in accuracies.items())
    probabilities = ActionLoss((14, 49, 17), own_groups=OWN_GROUPS).probabilities(logits)
    assert torch.equal(probabilities[:, :80], ava.probabilities(logits[:, :80]))


def test_several_exclusive_groups_are_learned_beside_independent_classes() -> None:
    """A linear layer learns two groups of one class each and any of two further ones, from a code of all three."""
    torch.manual_seed(0)
    groups = (*OWN_GROUPS, HeadGroup("gaze", 2, exclusive=True, weight=1.2))
    loss = ActionLoss((0, 0, 0), own_groups=groups)
    posture, gaze, sounds = torch.randint(3, (200,)), torch.randint(2, (200,)), torch.rand(200, 2).round()
    labels = torch.cat([torch.eye(3)[posture], sounds, torch.eye(2)[gaze]], dim=1)
    layer = torch.nn.Linear(7, 7)
    features = labels @ torch.randn(7, 7)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(60):
        losses, accuracies = loss(layer(features), labels)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert as_floats(accuracies) == pytest.approx(
        {"accuracy_posture": 1.0, "accuracy_sound": 1.0, "accuracy_gaze": 1.0}, abs=0.02
    )
    probabilities = loss.probabilities(layer(features))
    torch.testing.assert_close(probabilities[:, :3].sum(dim=1), torch.ones(200))
    torch.testing.assert_close(probabilities[:, 5:].sum(dim=1), torch.ones(200))
    assert (probabilities[:, 3:5].sum(dim=1) - 1).abs().max() > 0.3


def test_a_person_without_a_label_of_a_group_trains_the_others() -> None:
    logits = torch.randn(1, 5, requires_grad=True)
    losses, _ = ActionLoss((0, 0, 0), own_groups=OWN_GROUPS)(logits, torch.tensor([[0.0, 0, 0, 1, 0]]))
    assert losses["loss_posture"].item() == 0.0
    sum(losses.values()).backward()
    assert not logits.grad[0, :3].any()
    assert logits.grad[0, 3:].all()


def test_an_exclusive_group_of_one_class_is_a_sigmoid() -> None:
    loss = ActionLoss((0, 0, 0), own_groups=[HeadGroup("fall", 1, exclusive=True)])
    assert loss.probabilities(torch.tensor([[0.0]])).tolist() == [[0.5]]
    assert loss.undecided() == pytest.approx(focal(0.5))


def test_weights_of_classes_reach_own_groups() -> None:
    loss = ActionLoss((0, 0, 0), own_groups=OWN_GROUPS)
    logits, labels = torch.zeros(1, 5), torch.tensor([[0.0, 1, 0, 0, 1]])
    plain, _ = loss(logits, labels)
    loss.weigh_classes(torch.tensor([1.0, 3.0, 1.0, 0.0, 2.0]))
    weighed, _ = loss(logits, labels)
    torch.testing.assert_close(weighed["loss_posture"], 3 * plain["loss_posture"])
    torch.testing.assert_close(weighed["loss_sound"], plain["loss_sound"])  # the mean of 0 and 2
