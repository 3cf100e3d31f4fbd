"""Limits on what a file of another program or another person may be, far above honest files.

Without them a few hundred bytes could fill the memory or keep a command busy for hours. docs/RELIABILITY.md lists
them, with the largest honest files that were found.
"""

from __future__ import annotations

LARGEST_CLASS_ID = 2**31 - 1
"""The number of a class, in label maps, annotations and results."""
LARGEST_NUMBER = 1e15
"""A coordinate, a time, a size or a rate of an annotation file is no number beyond it, so that sums and products of
them stay finite."""

LARGEST_SIDE = 2**31 - 1
"""Pixels of a frame's width or height, and the number of a frame or a second."""

FRAME_PIXELS = 1 << 26
"""Most pixels of a frame of a video, as it is stored or as it is resized: 8192x8192, twice that of an 8K camera.

A header of a few bytes may claim 65535x65535, for which a decoder would take 12 GB.
"""
PACKETS_WITHOUT_FRAME = 10_000
"""Most packets in a row that a decoder may take without giving a frame; minutes of an honest video."""
FRAMES_PER_SECOND = 1000.0
"""Highest frame rate that a header is believed; beyond, the rate counts as unknown."""
VIDEO_SECONDS = 7 * 24 * 3600.0
"""Longest video: a week. A damaged time stamp may say centuries, each second of which would be a keyframe."""
VIDEO_FRAMES = 1 << 26
"""Most frames of a video that is written: two weeks at 50 frames a second."""
VIDEO_ANSWER_SECONDS = 120
"""Longest wait for a video to open, or for its next packet."""
STREAM_ANSWER_SECONDS = 10
"""Longest wait for a stream at an address to answer, or for its next packet; then it counts as lost."""
LIVE_BYTES = 2 << 30
"""Bytes of the frames of a live stream that are kept, for all clips that may still be read."""

FILE_NAME_BYTES = 255
"""Longest name of a file or folder, in UTF-8, as file systems have it."""
NAME_BYTES = 200
"""Longest name of a dataset, which names files and folders with something added to it."""
PATH_BYTES = 1024
"""Longest path, within its folder, that a file may give."""
MESSAGE_CHARACTERS = 2000
"""Longest message or warning; its middle is left out. Reports, tables and help may be longer."""
WORD_CHARACTERS = 200
"""Longest name in a message that is too long; the middle of longer ones is left out first."""
# Texts: annotations, boxes, label maps, configs.
LARGEST_TEXT = 2 << 30
"""Bytes of a csv file, or of one that is unpacked: 8 million rows of AVA have 0.4 GB."""
LARGEST_TREE = 512 << 20
"""Bytes of a JSON or XML text, which becomes some 10 times as much in memory: COCO's largest has 470 MB."""
SMALLEST_NODE = 8
"""Bytes that an object, a list or an element of such a text has on average; those of tools have more than 20."""
FEW_NODES = 1_000_000
"""So many objects, lists or elements may be smaller."""
TEXT_INFLATION = 150
"""How many times larger than its packed bytes a text may be, besides :data:`SMALL_TEXT`; equal boxes reach 31."""
SMALL_TEXT = 32 << 20
"""Bytes that any packed file may unpack to."""
MOST_SINGLE_BYTES = 1 << 20
"""Bytes between and behind the packed texts of a gzip file, and names and comments in it: one that was packed in
blocks of 64 KB, as those of genomics, has some ten thousand."""
LONGEST_LINE = 1 << 17
"""Characters of a line of csv, or of a label map: what Python's csv reader takes for one cell."""
DEEPEST = 64
"""Levels of objects and lists within each other in JSON, XML, YAML and pickles; those of tools have less than 20."""
LARGEST_LABEL_MAP = 8 << 20
"""Bytes of a label map: the largest public one, of 22 thousand classes, has 2 MB."""
MOST_CLASSES = 100_000
"""Classes of a label map."""
LONGEST_NAME = 1000
"""Characters of a name for which a similar one is looked for, of that of a class, and of the name or id of a video or
picture in an annotation file: columns of names take as much memory for each row as the longest one."""

# YAML and overrides.
LARGEST_YAML = 1 << 20
"""Characters of a YAML text; the names of 10 thousand classes have 0.3 million."""
MOST_YAML_NODES = 50_000
"""Values of a YAML text once every alias is written out; that is 5 seconds of reading."""
LONGEST_NUMBER = 1000
"""Characters of a number. "1:1:1..." is one to base 60, and takes minutes where it is long."""
MOST_CONFIG_FILES = 50
"""Files that a config is built on through ``_BASE_``, each counted as often as it is named."""
LARGEST_CONFIG = 256 << 10
"""Characters of all files of a config together; the longest here has 5 thousand."""
LARGEST_WHOLE = 2**53
"""A whole number of a config; larger ones are not exact as 64 bit numbers with a fraction."""
LONGEST_VALUE = 20_000
"""Characters of a config value that is given as text."""
MOST_OVERRIDES = 1000
"""KEY VALUE pairs; there are 200 keys."""
MOST_PROBLEMS = 20
"""Mistakes of one config file that are listed; finding the nearest key for each takes a while."""

# Weight files and archives.
MOST_INFLATION = 4
"""How many times larger than its file what is read from a weight file may be, besides :data:`SMALL_FILE`."""
SMALL_FILE = 1 << 20
"""Bytes that any weight file may hold."""
MOST_TENSORS = 20_000
"""Tensors of a weight file; a detector of persons has 600, and three for each with the state of its optimizer."""
LARGEST_PICKLE = 64 << 20
"""Bytes of the pickle in a PyTorch file, which says what its tensors are: 2 MB for the largest public one."""
MOST_PICKLE_STEPS = 1_000_000
"""Instructions of a pickle; those of 20 thousand tensors have 0.7 million."""
LARGEST_HEADER = 8 << 20
"""Bytes of the header of a safetensors file; that of 20 thousand tensors has 3 MB."""
MOST_PICKLED_VALUES = 3_000_000
"""Values of a pickle once each is written wherever it is used."""
MOST_MEMBERS = 100_000
"""Files in an archive: the pictures of a video beside its annotations."""
LARGEST_DIRECTORY = 16 << 20
"""Bytes of an archive's list of its files."""
LARGEST_DOWNLOAD = 20 << 30
"""Bytes of a file of weights that a server may send."""

# Videos.
BEYOND_END = 600
"""Seconds after the end of its video at which a track is still looked at, to say that it lies beyond the end."""
MOST_ITERATIONS = 10**12
"""Iterations and steps that the state of a run may count: a number beyond is not one that a training reached."""
BAD_CLIPS = 10
"""Training clips that DATALOADER.ON_BAD_CLIP skip goes on without in any dataset, as long as half of it can be read."""

BAD_CLIPS_SHARE = 0.01
"""The share of a larger dataset's clips that it goes on without; more of them are no accident."""
