"""Action detection from Python, for notebooks and other programs.

``ActionDetector`` loads a checkpoint, predicts videos or frames, trains and evaluates. Nothing in the package needs it:
it calls what the command lines call.
"""

from alphaction.api.detector import ActionDetector
from alphaction.api.events import events_of
from alphaction.api.results import Person, Prediction
from alphaction.api.to_fiftyone import to_fiftyone
from alphaction.api.tracks import Track, tracks_of
from alphaction.api.training import TrainingResult

__all__ = ["ActionDetector", "Person", "Prediction", "Track", "TrainingResult", "events_of", "to_fiftyone", "tracks_of"]
