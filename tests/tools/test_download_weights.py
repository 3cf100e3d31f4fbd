"""tools/download_weights.py: the list, what it refuses, and files that are here already."""

from __future__ import annotations

import pytest

from alphaction.workflows.convert.download_weights import DownloadOptions, check_flags, download_weights, weights_table
from alphaction.zoo import WEIGHTS, cached_file
from alphaction.zoo.cache import record_file


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


def put(name: str, content: bytes = b"PK\x03\x04 weights"):
    path = cached_file(WEIGHTS[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_list_fits_a_terminal_and_says_what_is_here():
    put("vit_b_videomae_ava22")
    lines = weights_table(DownloadOptions(list=True)).splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) == 1 + 2 * len(WEIGHTS) + 3
    row = next(number for number, line in enumerate(lines) if line.startswith("vit_b_videomae_ava22 "))
    assert lines[row].split() == ["vit_b_videomae_ava22", "31.8", "mAP,", "AVA", "v2.2", "CC-BY-NC-4.0", "-", "yes"]
    assert lines[row + 1].endswith("(VideoMAE-Action-Detection). NO COMMERCIAL USE.")
    assert next(line for line in lines if line.startswith("mvitv2_s_k400 ")).split()[-3:] == ["138", "MB", "no"]
    assert next(line for line in lines if line.startswith("vit_s_videomae_ava22 ")).endswith(" browser")
    some = weights_table(DownloadOptions(list=True, backbone="slow_r50", kind="backbone")).splitlines()
    assert [line.split()[0] for line in some[1:7:2]] == [
        "slow_r50_8x8_k400",
        "slow_r50_4x16_k400",
        "slow_r50_8x8_k400_pytorchvideo",
    ]


@pytest.mark.parametrize(
    ("options", "names", "part"),
    [
        ({}, [], "--list"),
        ({"list": True}, ["mvitv2_s_k400"], "--list downloads nothing"),
        ({"kind": "detector"}, ["mvitv2_s_k400"], "--kind selects"),
        ({"backbone": "vit_b"}, [], "--backbone selects"),
    ],
)
def test_flags_that_do_not_go_together(options, names, part, refused):
    refused(lambda: check_flags(DownloadOptions(**options), names), part)


def test_backbones_and_names_that_are_none(refused):
    refused(lambda: weights_table(DownloadOptions(list=True, backbone="vitb")), '"vit_b"')
    refused(lambda: weights_table(DownloadOptions(list=True, backbone="slow_r101", kind="backbone")), "slow_r101")
    put("vit_b_videomae_ava22")
    refused(lambda: download_weights(["vit_b_videomae_ava22", "mvitv2_s_k40"]), "mvitv2_s_k400")
    assert not record_file(cached_file(WEIGHTS["vit_b_videomae_ava22"])).exists()


def test_the_command(tool):
    status, output, _ = tool("download_weights.py", "--list", "--kind", "persons")
    assert status == 0
    assert "fasterrcnn_resnet50_fpn_v2" in output


def test_files_that_are_here_are_checked_and_their_license_said(capsys, refused):
    path = put("vit_b_videomae_ava22")
    download_weights(["zoo:vit_b_videomae_ava22"])
    shown = capsys.readouterr().out
    assert "CC-BY-NC-4.0. NO COMMERCIAL USE" in shown
    assert f"vit_b_videomae_ava22: {path}" in shown
    assert "MODEL.WEIGHT zoo:vit_b_videomae_ava22" in shown
    assert record_file(path).is_file()


def test_what_cannot_be_had_does_not_stop_the_others(capsys, refused):
    path = put("vit_b_videomae_ava22")
    names = ["mvitv2_s_k400", "vit_s_videomae_ava22", "vit_b_videomae_ava22"]
    refused(
        lambda: download_weights(names),
        "2 of 3 files", "https://download.pytorch.org/models/mvit_v2_s-ae3be167.pth",
        cached_file(WEIGHTS["mvitv2_s_k400"]), "https://drive.google.com/file/d/1b9Lp64IF8vjhh19mjDdyoSSiZk6cFfKb/view",
        cached_file(WEIGHTS["vit_s_videomae_ava22"]),
    )  # fmt: skip
    assert f"vit_b_videomae_ava22: {path}" in capsys.readouterr().out
