"""Writes reference.wav and reference.f32 (little-endian float32, one probability per 512 samples).

    pip install silero-vad==6.2.3 onnxruntime==1.32.0 numpy soundfile && python make_reference.py

The audio is cut from the clips next to this folder. The probabilities are those of the package's `silero_vad.onnx` at
16 kHz, fed as its `OnnxWrapper` feeds it: each frame behind the last 64 samples of the frame before, the state carried
from the first frame to the last.
"""

import pathlib
from importlib import metadata

import numpy as np
import onnxruntime
import soundfile

HERE = pathlib.Path(__file__).parent
RATE = 16000
SECONDS = 65.024


def clip(name, seconds=None):
    audio, rate = soundfile.read(HERE.parent / name)
    if rate == 8000:
        audio = doubled(audio)
    else:
        assert rate == RATE, (name, rate)
    return audio if seconds is None else audio[: int(seconds * RATE)]


def doubled(audio):
    """Telephone band: twice the rate, nothing above 4 kHz (Kaiser-windowed sinc)."""
    taps = np.arange(-64, 65)
    kernel = np.sinc(taps / 2) * np.kaiser(taps.size, 9.0)
    stuffed = np.zeros(2 * audio.size)
    stuffed[::2] = audio
    return np.convolve(stuffed, kernel, "same")


def silence(seconds):
    return np.zeros(int(seconds * RATE))


def assemble():
    music = clip("music/morning_coffee_20s.flac")
    spoken = clip("tts/clean_5.flac")
    hiss = np.random.default_rng(6).normal(0, 0.003, 2 * RATE)
    parts = [
        silence(1.0),
        clip("speech_real/two_cities.flac", 14.0),
        hiss,
        clip("tts/fr_clean_1.flac"),
        clip("tts/es_clean_1.flac"),
        clip("tts/hi_clean_1.flac"),
        clip("asterisk/ru_vm-intro.flac"),
        silence(1.5),
        music[: 8 * RATE],
        0.5 * spoken + 0.5 * music[8 * RATE :][: spoken.size],
        clip("asterisk/en_conf-onlyperson.flac"),
        0.01 * clip("speech_real/ps_goforward.flac"),
        8.0 * clip("tts/flag_insult_1.flac"),
        clip("asterisk/it_agent-alreadyon.flac"),
        silence(SECONDS),
    ]
    audio = np.concatenate(parts)[: round(SECONDS * RATE)]
    return np.clip(np.round(audio * 32767), -32768, 32767).astype("<i2")


def probabilities(audio):
    assert metadata.version("silero-vad") == "6.2.3"
    [model] = [f for f in metadata.files("silero-vad") if f.name == "silero_vad.onnx"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model.locate()), options, providers=["CPUExecutionProvider"])
    state = np.zeros((2, 1, 128), "f4")
    context = np.zeros(64, "f4")
    out = []
    for frame in (audio.astype("f4") / 32768).reshape(-1, 512):
        inputs = {"input": np.concatenate([context, frame])[None], "state": state, "sr": np.array(RATE)}
        probability, state = session.run(None, inputs)
        out.append(probability[0, 0])
        context = frame[-64:]
    return np.array(out, "<f4")


if __name__ == "__main__":
    audio = assemble()
    soundfile.write(HERE / "reference.wav", audio, RATE, subtype="PCM_16")
    probabilities(audio).tofile(HERE / "reference.f32")
