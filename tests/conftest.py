"""What holds for every test: nothing reaches the network, and nothing but an explicit seed is random."""

import ipaddress
import os
import signal
import socket

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started with interrupts ignored, and hands that on

os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"})
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):  # what they start gets its share of the cores too
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))


def refused_unless_loopback(connect):
    """Wrap `socket.connect` so that it fails for every address but this machine's own."""

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise PermissionError(f"a test tried to reach {host}; tests run without the network")
        return connect(self, address)

    return guarded


def refused_lookup(host, *arguments, **options):
    """Look up this machine's own names only."""
    if host not in (None, "localhost", "127.0.0.1", "::1", "0.0.0.0", b"localhost", socket.gethostname()):
        raise PermissionError(f"a test tried to look up {host}; tests run without the network")
    return lookup(host, *arguments, **options)


lookup = socket.getaddrinfo
socket.getaddrinfo = refused_lookup
socket.socket.connect = refused_unless_loopback(socket.socket.connect)
socket.socket.connect_ex = refused_unless_loopback(socket.socket.connect_ex)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a model with tiny networks and random weights."""
    import torch

    from yozora.model import Habits, Model, Trained, save
    from yozora.text import TextConfig, TextEncoder, Tokenizer
    from yozora.transformer.model import Transformer, TransformerConfig
    from yozora.vae import VAEConfig, VideoVAE, initialise

    torch.manual_seed(0)
    widths = {"encoder_widths": (8, 16, 16), "decoder_widths": (16, 16, 16), "blocks": 1, "time_down": (True, True)}
    vae = initialise(VideoVAE(VAEConfig(**widths, channels=4, fold=4, taps=(1, 3), shortcut="pool")))
    tokenizer = Tokenizer.train(["a red ball rolls left past two green eggs and the blue cube"])
    text = TextEncoder(TextConfig(vocabulary=tokenizer.size, dim=16, heads=2, layers=1), tokenizer)
    transformer = Transformer(TransformerConfig(channels=4, dim=32, heads=2, layers=2, feedforward=64, text_dim=16))
    for parameter in transformer.parameters():  # the head starts at zero; a network that says something is a better test
        torch.nn.init.normal_(parameter, std=0.2)
    trained = Trained(sides=(32, 64), frames=(1, 16))
    habits = Habits(size=(64, 64), seconds=1.0, fps=8.0, steps=4, guidance=2.0, trained=trained)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save(Model(name="tiny", digest="", vae=vae, text=text, transformer=transformer, habits=habits), folder)
    return folder


@pytest.fixture(scope="session")
def told_model(tiny_model, tmp_path_factory):
    """The folder of the tiny model with a captioner of random weights."""
    from dataclasses import replace

    import torch

    from yozora.captioner import Captioner, CaptionerConfig
    from yozora.model import load, save

    model = load(str(tiny_model), torch.device("cpu"), torch.float32)
    torch.manual_seed(0)
    sizes = {
        "dim": 16,
        "heads": 2,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "feedforward": 32,
        "cell_dim": 8,
        "cell_layers": 1,
        "longest": 6,
    }
    captioner = Captioner(CaptionerConfig(channels=4, vocabulary=model.text.tokenizer.size, **sizes))
    for parameter in captioner.parameters():  # blocks start as the identity
        parameter.data += 0.3 * torch.randn(parameter.shape)
    folder = tmp_path_factory.mktemp("models") / "told"
    save(replace(model, captioner=captioner), folder)
    return folder
