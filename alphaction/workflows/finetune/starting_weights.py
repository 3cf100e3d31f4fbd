"""The weights that a config starts from, what they need of a network, and what of them its classes can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from alphaction.checkpoint import compare_label_maps, read_weight_file
from alphaction.checkpoint.foreign.converted import Question
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed, suggest
from alphaction.workflows.finetune.finetune_options import DEFAULT_DATASET, FinetuneOptions
from alphaction.workflows.finetune.networks import NETWORKS, Network
from alphaction.zoo import ZOO_PREFIX, PublicWeights, cached_file, find_weights, refuse_persons, weights_for

_CONV_BODY = "MODEL.BACKBONE.CONV_BODY"
_LATERAL = "MODEL.BACKBONE.SLOWFAST.LATERAL"
_OWN_LATERAL = "tconv"


@dataclass(frozen=True)
class Start:
    """What a config starts from.

    Attributes:
        weight: MODEL.WEIGHT: a path, "zoo:NAME", or "" for random weights.
        comment: what they are, for the config.
        settings: config key -> value of the network, its clips and its head, as the weights were trained.
        entry: what the registry knows of them, None for other files.
        license: what a file that is no entry says of its license; "" if nothing.
    """

    weight: str
    comment: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    entry: PublicWeights | None = None
    license: str = ""


def default_backbone(options: FinetuneOptions) -> str:
    """Return the network where none was asked for: that of the weights, the published recipe's, or the small one.

    Only the small one trains on a CPU, and has weights that come with the package: it is taken for a dataset of one's
    own where there are neither GPUs nor weights. A config for GPUs is written for the recipe, and says which weights it
    lacks.

    Raises:
        UserError: if no network here is that of the weights, or their file cannot be read.
    """
    if _CONV_BODY in (settings := _settings_of(options.weights or "")):
        return _network_of(options.weights, settings)
    published = (options.dataset_name or DEFAULT_DATASET).startswith("ava_video_")
    can_start = options.num_gpus or options.weights is not None or Path(NETWORKS["resnet50"].weights).is_file()
    return "resnet50" if published or can_start else "tiny"


def weights_of(options: FinetuneOptions) -> str:
    """Return MODEL.WEIGHT: what was given, else the pretrained weights of the backbone."""
    given = options.weights
    if given is None:
        given = options.network.weights
    return f"{ZOO_PREFIX}{entry.name}" if (entry := _entry(given)) is not None else given


def starting_point(options: FinetuneOptions) -> Start:
    """Return what a config starts from. What a file says wins over the registry, and that over the network's usual.

    Raises:
        UserError: if the weights are of another network, or a file cannot be read.
    """
    weight = weights_of(options)
    entry = _entry(weight)
    settings = dict(options.network.settings)
    if not weight:
        return Start("", "random weights: trains from nothing", settings)
    own = _settings_of(weight)
    settings |= own
    _check_network(options, weight, own)
    told = facts.license if entry is None and (facts := _facts(weight)) is not None else ""
    comment = _comment(entry) if entry is not None else f"license {told}" if told else ""
    if options.network.training is None:
        if weight == options.network.weights:
            comment = "trained on Kinetics; docs/MODEL_ZOO.md says where to get it"
        settings = {}
    return Start(weight, comment, settings, entry, told)


def weight_path(weight: str) -> Path:
    """Return where the file of MODEL.WEIGHT lies, or will lie once it is downloaded."""
    entry = _entry(weight)
    return cached_file(entry) if entry is not None else Path(weight).expanduser()


def missing_weights(options: FinetuneOptions) -> str:
    """Return the weights that the config starts from and that are not there; "" if nothing is missing."""
    weight = weights_of(options)
    return "" if not weight or weight_path(weight).is_file() else weight


def has_trained_head(options: FinetuneOptions) -> bool:
    """Return whether the weights can hold a trained action head: not pretrained backbones, nor random weights."""
    weight = weights_of(options)
    entry = _entry(weight)
    if entry is not None:
        return entry.kind == "detector"
    return weight not in ("", *(network.weights for network in NETWORKS.values()))


def head_is_new(options: FinetuneOptions, label_map: LabelMap) -> bool:
    """Return whether there are weights to load, but without an action head for the classes of ``label_map``.

    Weights that do not say their classes (those of upstream's zoo) are taken for a model of AVA's 80.

    Raises:
        UserError: if the file is there but is no weight file.
    """
    weight = weights_of(options)
    if not has_trained_head(options):
        return bool(weight)
    if options.network.training is not None and options.use_ia:
        return True  # Public heads are a classifier on the pooled features, which no longer fits behind a structure.
    facts = _facts(weight)
    if facts is not None and facts.label_map is not None:
        return compare_label_maps(facts.label_map, label_map.to_dict()) is not None
    return label_map != read_label_map(AVA_LABEL_MAP)


def check_questions(options: FinetuneOptions, new_head: bool) -> None:
    """Refuse weights that leave open what a run with them must know.

    Args:
        options: the choices.
        new_head: whether the action head is trained anew, so that nobody needs to know about the old one.

    Raises:
        UserError: names each such setting, and how to settle it.
    """
    weight = weights_of(options)
    if (facts := _facts(weight)) is None:
        return
    asked = {key: question for key, question in facts.questions.items() if question.part != "head" or not new_head}
    if not asked:
        return
    lines = [
        f"{key}, which is {' or '.join(map(str, question.choices))}: {question.why}" for key, question in asked.items()
    ]
    answers = " ".join(f"{key} {question.choices[0]}" for key, question in asked.items())
    raise UserError(
        f"--weights {weight}: the file does not say {listed(lines, 4, '; ')}. Convert it with the answer, for example "
        f"{answers}:\n  python tools/convert_weights.py --input {weight_path(weight)} --output OUT.pth {answers}\n"
        "and give --weights OUT.pth."
    )


def _entry(weight: str | None) -> PublicWeights | None:
    """Return the entry of the registry that ``weight`` names, with its prefix or, where no such file is, without.

    Raises:
        UserError: if it can only be a name, and there is no such entry.
    """
    if not weight:
        return None
    if weight.startswith(ZOO_PREFIX):
        return find_weights(weight)
    path = Path(weight).expanduser()
    if path.exists():
        return None
    if path.suffix or path.parent != Path("."):
        return find_weights(weight, default=None)
    return find_weights(weight)  # no file is called like this: a name, or a slip in one


def _comment(entry: PublicWeights) -> str:
    use = "" if entry.commercial else ": NO COMMERCIAL USE"
    return f"{entry.what}; license {entry.license}{use}"


def _settings_of(weight: str) -> dict[str, Any]:
    """Return what weights say of their network and clips: their file, and, for what it leaves open, the registry."""
    if not weight:
        return {}
    entry = _entry(weight)
    if entry is not None:
        refuse_persons(entry, f"--weights {entry.name}")
    settings = {} if entry is None else {**entry.recipe, **entry.settings}
    return settings if (facts := _facts(weight)) is None else settings | facts.settings


@dataclass(frozen=True)
class _FileFacts:
    """What a weight file says: its settings, those it leaves open, the classes of its head, and its license."""

    settings: Mapping[str, Any]
    label_map: dict[str, Any] | None
    license: str
    questions: Mapping[str, Question]


def _facts(weight: str) -> _FileFacts | None:
    """Return what the file of MODEL.WEIGHT says; None where there is none yet."""
    path = weight_path(weight)
    return _read(path, path.stat().st_mtime_ns) if weight and path.is_file() else None


@cache
def _read(path: Path, changed: int) -> _FileFacts:
    """Return what a file says; it may be large, and is asked for several times.

    Args:
        path: the file.
        changed: when it was last written.
    """
    file = read_weight_file(path, with_run=True)
    settings = {**file.recipe, **{key: setting.value for key, setting in file.settings.items()}}
    return _FileFacts(settings, file.label_map, file.license, file.questions)


def _fits(network: Network, settings: Mapping[str, Any]) -> bool:
    """Return whether weights with ``settings`` can be those of a network.

    The paper's networks are written with details of their own; for all others, the details come from the weights.
    """
    if settings.get(_CONV_BODY, network.conv_body) != network.conv_body:
        return False
    return network.training is not None or settings.get(_LATERAL, _OWN_LATERAL) == _OWN_LATERAL


def _network_of(weight: str, settings: Mapping[str, Any]) -> str:
    """Return the network that weights with ``settings`` are of; of several, the one with the most similar clips."""
    entry = _entry(weight)
    if entry is not None and entry.backbone in NETWORKS:
        return entry.backbone
    fitting = [name for name, network in NETWORKS.items() if _fits(network, settings)]
    if not fitting:
        raise UserError(
            f"--weights {weight} are of a {settings[_CONV_BODY]}, which no --backbone is. tools/convert_weights.py "
            "--config-out writes a config for a file of it; or take other weights."
        )

    def differing(name: str) -> int:
        usual = NETWORKS[name].settings
        return sum(value != settings.get(key, value) for key, value in usual.items())

    return min(fitting, key=differing)


def _check_network(options: FinetuneOptions, weight: str, settings: Mapping[str, Any]) -> None:
    network = options.network
    if _fits(network, settings):
        return
    body = settings.get(_CONV_BODY, network.conv_body)
    what = f"are of a {body}, but --backbone {options.backbone} is a {network.conv_body}"
    if body == network.conv_body:
        what = f"are of a {body} as other projects build it, but --backbone {options.backbone} is the paper's"
    names = [entry.name for entry in weights_for(options.backbone)]
    raise UserError(
        f"--weights {weight} {what}. Take --backbone {_network_of(weight, settings)}, or other weights. "
        f"{suggest(weight, names)}"
    )
