"""A detector in an ONNX file: what its outputs mean is read from the file and a first run."""
