"""A trained network as a file that other runtimes execute: ONNX, TorchScript, torch.export."""
