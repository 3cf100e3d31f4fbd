"""Clips, boxes and labels that go into a batch, and the loaders and checks around them."""

from __future__ import annotations

import dataclasses
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from messages import says

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.augmentation import mirrored_channels
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.loader import ClipLoader, build_test_loader, build_train_loader
from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import SampleRequest
from alphaction.data.samplers import InferenceBatchSampler
from alphaction.data.tables import seconds_of_videos
from alphaction.data.video.check_videos import check_videos, require_usable
from alphaction.utils.errors import UserError

LABELS = """
label { name: "talk to" label_id: 12 label_type: PERSON_INTERACTION }
label { name: "walk left" label_id: 1 label_type: PERSON_MOVEMENT }
label { name: "walk right" label_id: 2 label_type: PERSON_MOVEMENT }
label { name: "carry" label_id: 5 label_type: OBJECT_MANIPULATION }
"""  # channels: walk left, walk right, carry, talk to

ANNOTATIONS = """
wide,0,0.25,0.25,0.5,0.75,1,1
wide,0,0.25,0.25,0.5,0.75,12,1
wide,1,0.25,0.25,0.5,0.75,1,1
wide,1,0.0,0.0,1.0,1.0,5,2
wide,1,0.1,0.1,0.3,0.3,2,3
wide,1,0.2,0.1,0.4,0.3,2,4
wide,3,0.5,0.5,0.75,1.0,2,1
tall,1,0.5,0.5,0.75,1.0,2,7
tall,2,0.5,0.5,0.75,1.0,2,7
"""

DETECTIONS = """
wide,0,0.25,0.25,0.5,0.75,0.9
wide,0,0.5,0.5,0.75,1.0,0.95
wide,0,0.1,0.1,0.2,0.2,0.5
wide,1,0.25,0.25,0.5,0.75,0.7
wide,9,0.25,0.25,0.5,0.75,0.99
tall,2,0.0,0.5,1.0,1.0,0.8
"""

OBJECTS = """
wide,0,0.0,0.0,0.25,0.25,0.3
wide,0,0.5,0.5,0.75,0.75,0.9
wide,0,0.75,0.0,1.0,0.25,0.6
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory, make_video):
    """A wide and a tall movie of 4 s with annotations, detections and objects."""
    root = tmp_path_factory.mktemp("data")
    make_video(root / "videos" / "wide.mp4")
    make_video(root / "videos" / "tall.mp4", fps=7, frames=28, size=(48, 80))
    files = {"labels.pbtxt": LABELS, "truth.csv": ANNOTATIONS, "found.csv": DETECTIONS, "objects.csv": OBJECTS}
    for name, text in files.items():
        (root / name).write_text(text.lstrip())
    return DatasetSpec(
        name="toy",
        videos=root / "videos",
        clips=None,
        label_map=root / "labels.pbtxt",
        eval_label_map=None,
        annotations=root / "truth.csv",
        person_boxes=root / "found.csv",
        object_boxes=root / "objects.csv",
        exclusions=None,
        source="a test",
    )


@pytest.fixture
def cfg():
    cfg = get_cfg()
    cfg.INPUT.FRAME_NUM, cfg.INPUT.FRAME_SAMPLE_RATE, cfg.INPUT.TAU, cfg.INPUT.ALPHA = 16, 1, 8, 4
    cfg.INPUT.MIN_SIZE_TRAIN = cfg.INPUT.MIN_SIZE_TEST = 24
    cfg.INPUT.FLIP_CLASS_PAIRS = [["walk left", "walk right"]]
    cfg.MODEL.IA_STRUCTURE.ACTIVE = True
    cfg.MODEL.IA_STRUCTURE.MAX_OBJECT = 2
    cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP = 3
    cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER = 4, 4
    cfg.DATALOADER.NUM_WORKERS = 0
    return cfg


def with_file(spec, tmp_path, text, role="annotations"):
    (tmp_path / "other.csv").write_text(text.lstrip())
    return dataclasses.replace(spec, **{role: tmp_path / "other.csv"})


def test_test_clip(cfg, spec, frame_numbers):
    dataset = ActionDataset.from_config(cfg, spec, training=False)
    assert [tuple(keyframe) for keyframe in dataset.keyframes] == [("tall", 2), ("wide", 0)]
    assert not dataset.uses_ground_truth_boxes
    clip = dataset[SampleRequest(1, 0)]
    assert clip.keyframe == ("wide", 0)
    assert clip.size == (32, 24)
    assert clip.slow.shape == (3, 2, 24, 32)
    assert clip.fast.shape == (3, 8, 24, 32)
    assert frame_numbers(clip.fast.permute(1, 2, 3, 0).numpy()) == [0, 0, 0, 0, 0, 2, 4, 6]
    assert frame_numbers(clip.slow.permute(1, 2, 3, 0).numpy()) == [0, 3]
    assert clip.scores.tolist() == pytest.approx([0.95, 0.9])
    assert clip.labels is None
    assert clip.unit_boxes.tolist() == [[0.5, 0.5, 0.75, 1.0], [0.25, 0.25, 0.5, 0.75]]
    # 64x48: (16, 12, 31, 35), halved (8, 6, 15.5, 17.5): 8.5 wide, 12.5 high, extended by 5 % and 2.5 % a side
    assert clip.boxes[1].tolist() == pytest.approx([8 - 0.425, 6 - 0.3125, 15.5 + 0.425, 17.5 + 0.3125])
    # best two of three objects: (32, 24, 47, 35) and (48, 0, 63, 11), halved
    assert clip.object_boxes.tolist() == [[16, 12, 23.5, 17.5], [24, 0, 31.5, 5.5]]


def test_what_is_not_used_is_counted(cfg, spec):
    summary = ActionDataset.from_config(cfg, spec, training=False).summary()
    says(
        summary,
        "2 clips (3 of 5 annotated keyframes",
        "detections used: 3; below TEST.BOX_THRESH 0.8: 2; at keyframes that are not annotated: 1",
    )


def test_ground_truth_boxes_where_there_are_no_detections(cfg, spec):
    cfg.MODEL.IA_STRUCTURE.ACTIVE = False
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, person_boxes=None), training=False)
    assert dataset.uses_ground_truth_boxes
    assert len(dataset) == 5
    clip = dataset[SampleRequest(3, 0)]
    assert (clip.keyframe, len(clip.boxes)) == (("wide", 1), 4)
    assert clip.scores.tolist() == [1, 1, 1, 1]
    assert clip.object_boxes.shape == (0, 4)


def test_training_clip(cfg, spec):
    cfg.INPUT.FLIP_PROB = 0.0
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    assert len(dataset) == 5
    clip = dataset[SampleRequest(2, 11)]
    assert clip.labels.tolist() == [[1, 0, 0, 1]]
    assert clip.unit_boxes.tolist() == [[0.25, 0.25, 0.5, 0.75]]
    shift = clip.boxes[0] - torch.tensor([8, 6, 15.5, 17.5])
    outwards = shift * torch.tensor([-1, -1, 1, 1]) / torch.tensor([8.5, 12.5, 8.5, 12.5])
    assert (outwards <= torch.tensor([0.2, 0.1, 0.2, 0.1]) + 1e-6).all()
    assert (outwards >= -torch.tensor([0.1, 0.05, 0.1, 0.05]) - 1e-6).all()
    assert outwards.abs().max() > 0


def test_mirrored_clip(cfg, spec):
    cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X = cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y = (0.0, 0.0)
    clips = []
    for probability in (0.0, 1.0):
        cfg.INPUT.FLIP_PROB = probability
        clips.append(ActionDataset.from_config(cfg, spec, training=True)[SampleRequest(2, 5)])
    plain, mirrored = clips
    assert torch.equal(mirrored.fast, plain.fast.flip(3))
    assert torch.equal(mirrored.slow, plain.slow.flip(3))
    assert plain.boxes.tolist() == [[8, 6, 15.5, 17.5]]
    assert mirrored.boxes.tolist() == [[15.5, 6, 23, 17.5]]
    assert plain.object_boxes.tolist() == [[16, 12, 23.5, 17.5], [24, 0, 31.5, 5.5]]
    assert mirrored.object_boxes.tolist() == [[7.5, 12, 15, 17.5], [-0.5, 0, 7, 5.5]]
    assert (plain.labels.tolist(), mirrored.labels.tolist()) == ([[1, 0, 0, 1]], [[0, 1, 0, 1]])
    assert torch.equal(plain.unit_boxes, mirrored.unit_boxes)


def test_a_view_changes_frames_persons_and_objects_together(cfg, spec):
    """What the clip shows is the whole clip, resampled; its boxes are where that puts the whole clip's boxes."""
    cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X = cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y = (0.0, 0.0)
    cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP = 4
    whole = ActionDataset.from_config(cfg, spec, training=True)
    cfg.INPUT.ZOOM_JITTER, cfg.INPUT.STRETCH_JITTER = (0.6, 1.6), 1.2
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    mirrored, lost = set(), 0
    for seed in range(12):
        request = SampleRequest(3, seed)
        plain, seen = whole[request], dataset[request]
        persons = dataset._boxes.persons(plain.keyframe, 3, np.random.default_rng(0))
        augmentation, *_ = dataset._draw(np.random.default_rng((seed, 3)), plain.keyframe, persons)
        assert augmentation.view is not None
        matrix = torch.from_numpy(augmentation.view.matrix(plain.size, mirrored=False))
        image = plain.fast[:, 0].permute(1, 2, 0).numpy()
        image = image[:, ::-1] if augmentation.flip else image
        expected = cv2.warpAffine(np.ascontiguousarray(image), matrix.numpy(), plain.size, borderValue=(123, 116, 103))
        expected = expected[:, ::-1] if augmentation.flip else expected
        assert np.abs(seen.fast[:, 0].permute(1, 2, 0).numpy().astype(int) - expected).max() <= 1
        kept = augmentation.shows(plain.unit_boxes)
        assert len(seen.boxes) == len(seen.labels) == len(seen.scores) == kept.sum() >= 2
        assert torch.equal(seen.labels, plain.labels[kept])
        assert torch.equal(seen.unit_boxes, plain.unit_boxes[kept])
        mirrored.add(augmentation.flip)
        lost += int((~kept).sum())
        assert torch.equal(dataset[request].fast, seen.fast)
    assert mirrored == {False, True}
    assert lost > 0


def test_objects_that_a_view_leaves_out_are_gone(cfg, spec):
    cfg.INPUT.ZOOM_JITTER = (2.0, 2.0)
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    counts = {len(dataset[SampleRequest(2, seed)].object_boxes) for seed in range(20)}
    assert counts == {0, 1}  # (0.5, 0.5, 0.75, 0.75) and (0.75, 0, 1, 0.25): no view has half of each


def test_time_jitter_and_speed_jitter(cfg, spec, frame_numbers, tmp_path):
    """The same moments with a cache of clips, which has one entry for all of them."""
    cfg.INPUT.TIME_JITTER, cfg.INPUT.SPEED_JITTER, cfg.INPUT.FLIP_PROB = 3.0, 1.5, 0.0
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    cfg.DATALOADER.CLIP_CACHE = str(tmp_path / "clips")
    kept = ActionDataset.from_config(cfg, spec, training=True)
    firsts, steps = set(), set()
    for seed in range(20):
        clip = dataset[SampleRequest(4, seed)]
        assert torch.equal(kept[SampleRequest(4, seed)].fast, clip.fast)
        numbers = frame_numbers(clip.fast.permute(1, 2, 3, 0).numpy())
        firsts.add(numbers[0])
        steps.add(numbers[-1] - numbers[0])
    assert 75 - 8 * 1.5 - 3 <= min(firsts) < 66
    assert 66 < max(firsts) <= 75 - 8 / 1.5 + 3.5
    assert 9 <= min(steps) < 12  # 14 frames at the usual speed
    assert 16 < max(steps) <= 21
    assert len(list((tmp_path / "clips").rglob("*.npy"))) == 1
    still = ActionDataset.from_config(cfg, spec, training=False)
    assert torch.equal(still[SampleRequest(1, 0)].fast, still[SampleRequest(1, 1)].fast)


def test_boxes_move_with_their_person(cfg, spec, tmp_path):
    """From second 1 to 2 a person walks from 0.1 to 0.5: 0.4 of the frame in 25 timeline frames."""
    rows = [f"wide,{second},{left},0.2,{left + 0.2},0.8,1,4" for second, left in ((1, 0.1), (2, 0.5))]
    cfg.INPUT.TIME_JITTER, cfg.INPUT.FLIP_PROB = 8.0, 0.0
    cfg.MODEL.IA_STRUCTURE.ACTIVE = False  # no objects
    dataset = ActionDataset.from_config(cfg, with_file(spec, tmp_path, "\n".join(rows)), training=True)
    lefts = []
    for seed in range(8):
        clip = dataset[SampleRequest(0, seed)]
        persons = dataset._boxes.persons(clip.keyframe, 0, None)
        augmentation, *_ = dataset._draw(np.random.default_rng((seed, 0)), clip.keyframe, persons)
        lefts.append(float(clip.unit_boxes[0, 0]))
        assert lefts[-1] == pytest.approx(0.1 + max(0.0, 0.4 * augmentation.playback.shift / 25))
    assert min(lefts) == 0.1  # earlier, nothing is known
    assert max(lefts) > 0.15


def test_random_choice_of_persons(cfg, spec):
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    chosen = set()
    for seed in range(30):
        clip = dataset[SampleRequest(3, seed)]
        assert clip.boxes.shape == (3, 4)
        assert clip.labels.shape == (3, 4)
        chosen.add(tuple(clip.unit_boxes[:, 2].tolist()))
    assert len(chosen) == 4  # any three of four


def test_slow_jitter_and_color_jitter_only_in_training(cfg, spec, frame_numbers):
    cfg.INPUT.SLOW_JITTER = True
    cfg.INPUT.FLIP_PROB = 0.0
    training = ActionDataset.from_config(cfg, spec, training=True)
    starts = {frame_numbers(training[SampleRequest(4, seed)].slow.permute(1, 2, 3, 0).numpy())[0] for seed in range(60)}
    assert starts == set(range(67, 75))
    cfg.INPUT.COLOR_JITTER = True
    colored = ActionDataset.from_config(cfg, spec, training=True)[SampleRequest(4, 0)]
    assert not torch.equal(colored.fast, training[SampleRequest(4, 0)].fast)
    still = ActionDataset.from_config(cfg, spec, training=False)
    assert torch.equal(still[SampleRequest(1, 0)].fast, still[SampleRequest(1, 1)].fast)


def test_colors_on_the_device_are_those_that_are_drawn(cfg, spec):
    cfg.INPUT.COLOR_JITTER = cfg.INPUT.SLOW_JITTER = True
    now = ActionDataset.from_config(cfg, spec, training=True)
    cfg.INPUT.COLOR_ON_DEVICE = True
    later = ActionDataset.from_config(cfg, spec, training=True)
    collate = BatchCollator(16)
    requests = [SampleRequest(index, seed) for index in (0, 4) for seed in range(3)]
    before, after = (collate([dataset[request] for request in requests]) for dataset in (now, later))
    assert before.color_shifts is None
    assert len(after.color_shifts.unique(dim=0)) == len(requests)
    assert torch.equal(before.boxes, after.boxes)
    assert not torch.equal(before.fast, after.fast)
    mean, std = cfg.INPUT.PIXEL_MEAN, [1.0, 1.0, 1.0]
    for pathway in ("slow", "fast"):
        expected, found = (getattr(normalize_clips(batch, mean, std), pathway) for batch in (before, after))
        assert (found - expected).abs().max() <= 1
    tested = ActionDataset.from_config(cfg, spec, training=False)[SampleRequest(0, 0)]
    assert tested.color_shift is None


def test_slow_sampling_and_offset_come_from_the_config(cfg, spec, frame_numbers):
    def numbers(*overrides):
        cfg.merge_from_list(list(overrides))
        clip = ActionDataset.from_config(cfg, spec, training=True)[SampleRequest(4, 0)]
        return [frame_numbers(frames.permute(1, 2, 3, 0).numpy()) for frames in (clip.slow, clip.fast)]

    cfg.INPUT.FLIP_PROB = 0.0
    assert numbers() == [[70, 78], list(range(67, 83, 2))]
    assert numbers("INPUT.SLOW_SAMPLING", "linspace") == [[67, 82], list(range(67, 83, 2))]
    assert numbers("INPUT.SLOW_SAMPLING", "first", "INPUT.CLIP_OFFSET", 3) == [[70, 78], list(range(70, 86, 2))]


def test_inactive_pathways(cfg, spec):
    cfg.MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE = False
    clip = ActionDataset.from_config(cfg, spec, training=False)[SampleRequest(0, 0)]
    assert clip.slow is None
    assert clip.fast.shape[1] == 8
    cfg.MODEL.BACKBONE.CONV_BODY = "I3D-Resnet50"
    cfg.MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE = True
    assert ActionDataset.from_config(cfg, spec, training=False)[SampleRequest(0, 0)].slow is None


def test_detections_that_fit_nothing(cfg, spec, tmp_path):
    other = with_file(spec, tmp_path, "Wider.mp4,0,0.1,0.1,0.2,0.2,0.9\n", "person_boxes")
    with pytest.raises(UserError, match=r'other.csv, line 1: .*truth.csv.*"Wider.mp4".*"wide"'):
        ActionDataset.from_config(cfg, other, training=False)
    cfg.TEST.BOX_THRESH = 0.96
    with pytest.raises(UserError, match=r"all 5 .*TEST.BOX_THRESH 0.96.* 0.950\b"):
        ActionDataset.from_config(cfg, spec, training=False)


def test_objects_that_fit_nothing(cfg, spec, tmp_path):
    other = with_file(spec, tmp_path, "wider,0,0.1,0.1,0.2,0.2,0.9\n", "object_boxes")
    with pytest.raises(UserError, match=r"other.csv, line 1: .*truth.csv"):
        ActionDataset.from_config(cfg, other, training=True)
    none = ActionDataset.from_config(cfg, with_file(spec, tmp_path, "", "object_boxes"), training=True)
    assert "other.csv: 0 videos, 0 keyframes, 0 boxes" in none.summary()
    assert none[SampleRequest(2, 0)].object_boxes.shape == (0, 4)


def test_names_of_videos_match_in_any_spelling(cfg, spec, tmp_path):
    """As of "Kitchen 3.mp4": with a suffix, in other case, as a path."""
    boxes = with_file(spec, tmp_path, "Wide.MP4,1,0.1,0.1,0.2,0.2,0.9\n", "person_boxes")
    dataset = ActionDataset.from_config(cfg, boxes, training=False)
    assert dataset[SampleRequest(0, 0)].unit_boxes.tolist() == [[0.1, 0.1, 0.2, 0.2]]
    some = with_file(spec, tmp_path, "/data/wide.mp4,1\n", "exclusions")
    assert "excluded keyframes: 1" in ActionDataset.from_config(cfg, some, training=True).summary()


def test_exclusions_are_counted(cfg, spec, tmp_path):
    some = with_file(spec, tmp_path, "wide,1\nwider,1\nwider,3\n", "exclusions")
    summary = ActionDataset.from_config(cfg, some, training=True).summary()
    assert "excluded timestamps: 3; excluded timestamps that match no keyframe: 2; excluded keyframes: 1" in summary


def test_training_without_labels(cfg, spec, tmp_path):
    other = with_file(spec, tmp_path, "wide,0,0.1,0.1,0.3,0.3,,1\n")
    with pytest.raises(UserError, match="other.csv has 1 box "):
        ActionDataset.from_config(cfg, other, training=True)


def test_mirrored_channels(cfg, spec):
    label_map = ActionDataset.from_config(cfg, spec, training=True).label_map
    assert mirrored_channels(label_map, []).tolist() == [0, 1, 2, 3]
    assert mirrored_channels(label_map, [["walk right", "walk left"], ["carry", "talk to"]]).tolist() == [1, 0, 3, 2]
    with pytest.raises(UserError, match='^INPUT.FLIP_CLASS_PAIRS: .*"walk lef".*"walk left"'):
        mirrored_channels(label_map, [["walk lef", "walk right"]])
    with pytest.raises(UserError, match="^INPUT.FLIP_CLASS_PAIRS: .*'carry', 'walk left'"):
        mirrored_channels(label_map, [["walk left", "walk right"], ["carry", "walk left"]])
    with pytest.raises(UserError, match="^INPUT.FLIP_CLASS_PAIRS: "):
        mirrored_channels(label_map, ["walk left", "walk right"])


def as_bytes(loader):
    return [
        b"".join(
            value.numpy().tobytes()
            for value in (batch.slow, batch.fast, batch.boxes, batch.unit_boxes, batch.labels, batch.object_boxes)
            if value is not None
        )
        for batch in loader
    ]


@pytest.mark.parametrize("training", [True, False])
def test_workers_do_not_change_a_byte(cfg, spec, training):
    cfg.INPUT.COLOR_JITTER = cfg.INPUT.SLOW_JITTER = True
    cfg.TEST.VIDEOS_PER_BATCH = 2
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, person_boxes=None), training=training)
    streams = []
    for workers in (0, 1, 2):
        cfg.DATALOADER.NUM_WORKERS = workers
        loader = build_train_loader(cfg, dataset, seed=7) if training else build_test_loader(cfg, dataset)
        streams.append(as_bytes(loader))
        assert len(loader) == len(streams[-1])
    assert streams[0] == streams[1] == streams[2]
    assert len(streams[0]) == (4 if training else 3)
    if training:
        assert as_bytes(build_train_loader(cfg, dataset, seed=8)) != streams[0]
        assert as_bytes(build_train_loader(cfg, dataset, seed=7, start_iteration=2)) == streams[0][2:]


def test_wide_and_tall_clips_are_not_mixed(cfg, spec):
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER = 2, 10
    for batch in build_train_loader(cfg, dataset, seed=0):
        assert len({width > height for width, height in batch.sizes.tolist()}) == 1
        assert batch.fast.shape[-2:] in ((32, 32), (48, 32))
    cfg.DATALOADER.ASPECT_RATIO_GROUPING = False
    mixed = [{keyframe.video for keyframe in batch.keyframes} for batch in build_train_loader(cfg, dataset, seed=0)]
    assert {"wide", "tall"} in mixed


def test_test_loader_shares_clips(cfg, spec):
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, person_boxes=None), training=False)
    shares = [build_test_loader(cfg, dataset, rank=rank, world_size=2) for rank in (0, 1)]
    assert [[batch.indices.tolist() for batch in share] for share in shares] == [[[0, 1]], [[2, 3], [4]]]


def test_a_worker_error_arrives_as_itself(cfg, spec, tmp_path):
    source = spec.videos / "wide.mp4"
    (tmp_path / "videos").mkdir()
    for name in ("wide.mp4", "tall.mp4"):
        (tmp_path / "videos" / name).write_bytes((spec.videos / name).read_bytes())
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, videos=tmp_path / "videos"), training=False)
    (tmp_path / "videos" / "wide.mp4").write_bytes(source.read_bytes()[:500])
    loader = ClipLoader(dataset, InferenceBatchSampler([0, 0], clips_per_batch=1), size_divisibility=16, num_workers=1)
    path = re.escape(str(tmp_path / "videos" / "wide.mp4"))
    with pytest.raises(UserError, match=rf"\A{path} .*second 0\b"):
        list(loader)


def test_dataset_can_be_sent_to_spawned_workers(cfg, spec):
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    first = dataset[SampleRequest(0, 1)]
    again = pickle.loads(pickle.dumps(dataset))[SampleRequest(0, 1)]
    assert torch.equal(first.fast, again.fast)
    assert torch.equal(first.boxes, again.boxes)


def test_clips_with_a_rare_class_come_more_often(cfg, spec):
    """Of the five clips with boxes, one has "talk to", one "carry", two "walk left" and four "walk right"."""
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    has = dataset.classes_of_clips()
    assert has.sum(axis=0).tolist() == [2, 4, 1, 1]
    assert [dataset.label_map.names[k] for k in np.flatnonzero(has[2])] == ["walk left", "talk to"]
    cfg.DATALOADER.REPEAT_THRESHOLD, cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER = 0.8, 1, 14

    def seen(dataset) -> list[int]:
        sampler = build_train_loader(cfg, dataset, seed=0).batch_sampler
        return np.bincount([batch[0].index for batch in sampler], minlength=len(dataset)).tolist()

    assert seen(dataset) == [2, 2, 4, 4, 2]  # "talk to" and "carry" twice in each of two epochs
    cfg.SOLVER.MAX_ITER = 28
    assert seen(JoinedDataset([dataset, dataset])) == [2, 2, 4, 4, 2] * 2
    cfg.DATALOADER.REPEAT_THRESHOLD, cfg.SOLVER.MAX_ITER = 0.0, 10
    assert seen(dataset) == [2] * 5


def test_joined_datasets(cfg, spec):
    first = ActionDataset.from_config(cfg, spec, training=True)
    joined = JoinedDataset([first, first])
    assert len(joined) == 10
    clip = joined[SampleRequest(7, 3)]
    assert clip.index == 7
    assert torch.equal(clip.fast, first[SampleRequest(2, 3)].fast)
    assert joined.keyframes[7] == ("toy/wide", first.keyframes[2].second)
    assert joined.frame_size(5) == (48, 80)
    cfg.SOLVER.MAX_ITER = 6
    seen = {index for batch in build_train_loader(cfg, joined, seed=0) for index in batch.indices}
    assert max(seen) > 4


def test_nothing_to_train_on(cfg, spec, tmp_path):
    excluded = tmp_path / "excluded.csv"
    excluded.write_text("".join(sorted({",".join(row.split(",")[:2]) + "\n" for row in ANNOTATIONS.split()})))
    with pytest.raises(UserError, match=r"truth\.csv.* all "):
        ActionDataset.from_config(cfg, dataclasses.replace(spec, exclusions=excluded), training=True)


def test_real_videos(cfg, shared_dir):
    root: Path = shared_dir / "pets"
    spec = DatasetSpec(
        name="pets_val",
        videos=root / "videos",
        clips=None,
        label_map=root / "annotations" / "pets_action_list.pbtxt",
        eval_label_map=None,
        annotations=root / "annotations" / "pets_val.csv",
        person_boxes=root / "boxes" / "pets_val_person_detections.csv",
        object_boxes=None,
        exclusions=root / "annotations" / "pets_val_excluded_timestamps.csv",
        source="a test",
    )
    cfg.INPUT.FPS = 7.0
    cfg.INPUT.FLIP_CLASS_PAIRS = []
    dataset = ActionDataset.from_config(cfg, spec, training=False)
    assert len(dataset) == 28
    assert "`object_boxes`" in dataset.summary()
    videos = check_videos(dataset.source, seconds_of_videos(dataset.keyframes))
    assert {(video.info.width, video.info.height, video.info.fps) for video in videos} == {(768, 576, 7.0)}
    require_usable(videos, "pets")
    last = dataset[SampleRequest(27, 0)]
    assert last.keyframe == ("pets_06", 13)
    assert last.fast.shape == (3, 8, 24, 32)
    assert np.isclose(last.boxes.max(), last.boxes.max().clamp(max=31))


def test_batches_are_sent_to_the_device_ahead_in_order(cfg, spec, monkeypatch):
    """On a GPU; its streams are tested in tests/utils/test_device_copy.py."""
    sent = []

    class Stream:
        def __init__(self, device):
            assert device == torch.device("cuda", 1)

        def start(self, tensors):
            sent.append(tensors["indices"].tolist())
            return tensors, None

    monkeypatch.setattr("alphaction.data.loader.CopyStream", Stream)
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, person_boxes=None), training=False)
    sampler = InferenceBatchSampler(np.zeros(len(dataset)), clips_per_batch=2)
    loader = ClipLoader(dataset, sampler, size_divisibility=16, num_workers=2, device=torch.device("cuda", 1))
    assert [batch.indices.tolist() for batch in loader] == sent == [[0, 1], [2, 3], [4]]


def test_frame_sizes_of_all_clips_at_once(cfg, spec):
    dataset = ActionDataset.from_config(cfg, dataclasses.replace(spec, person_boxes=None), training=False)
    expected = [dataset.frame_size(index) for index in range(len(dataset))]
    assert list(map(tuple, dataset.frame_sizes().tolist())) == expected
    joined = JoinedDataset([dataset, dataset])
    assert list(map(tuple, joined.frame_sizes().tolist())) == expected * 2
    assert list(joined.keyframes) == [joined.keyframes[index] for index in range(len(joined))]
    assert joined.keyframes[-1] == joined.keyframes[2 * len(dataset) - 1] == ("toy/wide", dataset.keyframes[-1].second)
