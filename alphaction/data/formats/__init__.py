"""One reader for each file format of annotations and boxes."""
