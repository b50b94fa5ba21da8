"""Writes silero-vad-v6.bin: the 16 kHz weights of the PyPI package silero-vad 6.2.3 (MIT), little-endian float32.

    pip install silero-vad==6.2.3 numpy onnx && python silero_weights.py silero-vad-v6.bin

They are taken from `silero_vad_16k_op15.onnx`, which gives the same probabilities as the package's default model to the
last bit. `silero_vad_16k.safetensors` in the same package holds another training and differs by up to 0.6.

Left out, because nothing is lost: the STFT basis (a periodic Hann window times a Fourier basis, checked below), the taps
that only ever meet padding (conv3 sees two positions, conv4 one), and the second LSTM bias (only the sum is used).

Format: the magic "EMVAD\\x00\\x06\\x00", then per tensor: u8 length of the name, the name (ASCII), u8 rank, u32 for each
dimension, the values in row-major order.
"""

import struct
import sys
from importlib import metadata

import numpy as np
import onnx
from onnx import numpy_helper

VERSION = "6.2.3"


def read_package():
    """The initialisers of the package's 16 kHz ONNX file by the last parts of their names."""
    assert metadata.version("silero-vad") == VERSION, f"needs silero-vad {VERSION}"
    [path] = [f for f in metadata.files("silero-vad") if f.name == "silero_vad_16k_op15.onnx"]
    initialisers = onnx.load(str(path.locate())).graph.initializer
    return {i.name.removeprefix("model."): numpy_helper.to_array(i) for i in initialisers}


def check_basis(basis):
    """The STFT basis must be what the forward pass computes in its place."""
    n, k = np.arange(256), np.arange(129)[:, None]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 256)
    angle = 2 * np.pi * k * n / 256
    expected = np.concatenate([np.cos(angle) * window, -np.sin(angle) * window])
    assert np.abs(basis[:, 0] - expected).max() < 1e-7


def main(out):
    package = read_package()
    check_basis(package["stft.forward_basis_buffer"])
    convs = [(package[f"encoder.{n}.reparam_conv.weight"], package[f"encoder.{n}.reparam_conv.bias"]) for n in range(4)]
    tensors = {
        "conv1.weight": convs[0][0],
        "conv1.bias": convs[0][1],
        "conv2.weight": convs[1][0],
        "conv2.bias": convs[1][1],
        "conv3.weight": convs[2][0][:, :, 1:],
        "conv3.bias": convs[2][1],
        "conv4.weight": convs[3][0][:, :, 1],
        "conv4.bias": convs[3][1],
        "lstm.weight_ih": package["decoder.rnn.weight_ih"],
        "lstm.weight_hh": package["decoder.rnn.weight_hh"],
        "lstm.bias": package["decoder.rnn.bias_ih"] + package["decoder.rnn.bias_hh"],
        "out.weight": package["decoder.decoder.2.weight"][0, :, 0],
        "out.bias": package["decoder.decoder.2.bias"],
    }
    with open(out, "wb") as file:
        file.write(b"EMVAD\x00\x06\x00")
        for name, value in tensors.items():
            file.write(struct.pack("<B", len(name)) + name.encode())
            file.write(struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape))
            file.write(np.ascontiguousarray(value, "<f4").tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
