"""Tiny open weights with random numbers, saved by the libraries that define their layouts."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import diffusers
import pytest
import tokenizers
import torch
import transformers

from yozora.vae.config import WAN22_MEAN, WAN22_STD

OTHER = {"num_attention_heads": 3, "attention_head_dim": 12, "num_layers": 1}
WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "ball", "two", "cats", "and", "the", "blue", "cube", "&", "café"]


def shaken(module: torch.nn.Module, size: float = 0.1) -> torch.nn.Module:
    """The module with random numbers added to all of its own, biases and scales too, which begin as 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(size * torch.randn(weight.shape, generator=generator))
    return module.eval()


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """A tokenizer of a few words that ends every text as T5's does."""
    rules = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    rules.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    rules.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=rules, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def text_encoder() -> torch.nn.Module:
    """UMT5 with two layers."""
    sizes = {"vocab_size": len(WORDS), "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    return shaken(transformers.UMT5EncoderModel(transformers.UMT5Config(**sizes)))


def vae(*, residual: bool) -> diffusers.AutoencoderKLWan:
    """The autoencoder of Wan 2.1, or with residual levels that of Wan 2.2, at a few channels."""
    channels = 8 if residual else 4
    sizes = {"base_dim": 8, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 1, "z_dim": channels, "temperal_downsample": [False, True, True]}
    if residual:
        sizes |= {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12, "decoder_base_dim": 12}
        sizes |= {"scale_factor_spatial": 16}
    statistics = {"latents_mean": [0.1 * i for i in range(channels)], "latents_std": [1 + 0.2 * i for i in range(channels)]}
    return shaken(diffusers.AutoencoderKLWan(**sizes, **statistics), 0.05)


def transformer(channels: int, **changed: object) -> diffusers.WanTransformer3DModel:
    """A transformer of two layers for latents of so many channels."""
    sizes = {"num_attention_heads": 2, "attention_head_dim": 24, "in_channels": channels, "out_channels": channels}
    sizes |= {"text_dim": 32, "freq_dim": 32, "ffn_dim": 64, "num_layers": 2}
    return shaken(diffusers.WanTransformer3DModel(**sizes | changed))


def scheduler(shift: float) -> diffusers.UniPCMultistepScheduler:
    """UniPC as Wan's pipelines are saved with it."""
    return diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift)


@pytest.fixture(scope="session")
def wan21(tmp_path_factory) -> tuple[Path, diffusers.WanPipeline]:
    """The folder of a tiny Wan 2.1 and diffusers' pipeline of the same weights: a level for a clip."""
    torch.manual_seed(0)
    parts = {"vae": vae(residual=False), "transformer": transformer(4), "scheduler": scheduler(3.0)}
    return saved(diffusers.WanPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts), tmp_path_factory, "wan21")


def clip_encoder(**changed: object) -> torch.nn.Module:
    """CLIP's image encoder with three layers; of a picture it makes 257 states, as the large one does."""
    sizes = {"hidden_size": 20, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 14}
    return shaken(transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**sizes | changed)))


@pytest.fixture(scope="session")
def published(pipelines) -> dict[str, Path]:
    """Their folders."""
    return {name: folder for name, (folder, _) in pipelines.items()}


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory) -> dict[str, tuple[Path, diffusers.WanPipeline]]:
    """Pipelines and folders with what single files cannot tell as it was published: channels, widths of heads, blocks."""
    torch.manual_seed(0)
    wide = {"num_attention_heads": 1, "attention_head_dim": 128}
    small = {"base_dim": 8, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "temperal_downsample": [False, True, True]}
    seen = small | {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12, "decoder_base_dim": 12, "z_dim": 48}
    known = {"latents_mean": list(WAN22_MEAN), "latents_std": list(WAN22_STD), "scale_factor_spatial": 16}
    old, new = diffusers.AutoencoderKLWan(**small), diffusers.AutoencoderKLWan(**seen, **known)
    kinds = {
        "t2v": {"vae": old, "transformer": transformer(16, **wide), "scheduler": scheduler(5.0)},
        "a14b": {
            "vae": old,
            "transformer": transformer(16, **wide),
            "transformer_2": shaken(transformer(16, **wide), 0.2),
            "scheduler": scheduler(12.0),
            "boundary_ratio": 0.875,
        },
        "ti2v": {"vae": new, "transformer": transformer(48, **wide), "scheduler": scheduler(5.0), "expand_timesteps": True},
    }
    common = {"tokenizer": tokenizer(), "text_encoder": text_encoder()}
    return {name: saved(diffusers.WanPipeline(**common, **parts), tmp_path_factory, name) for name, parts in kinds.items()}


@pytest.fixture(scope="session")
def i2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A tiny Wan 2.1 I2V: a picture is heard in channels of its own and by way of CLIP."""
    return animating(tmp_path_factory, "i2v", image_dim=20, added_kv_proj_dim=48)


@pytest.fixture(scope="session")
def published_i2v(tmp_path_factory) -> Path:
    """The folder of an I2V with what single files cannot tell as it was published."""
    torch.manual_seed(0)
    network = transformer(16, in_channels=36, num_attention_heads=1, attention_head_dim=128, image_dim=20, added_kv_proj_dim=128)
    encoder = diffusers.AutoencoderKLWan(base_dim=8, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True])
    looking = {
        "image_encoder": clip_encoder(num_attention_heads=1, hidden_act="gelu"),
        "image_processor": transformers.CLIPImageProcessorPil(),
    }
    parts = {"vae": encoder, "transformer": network, "scheduler": scheduler(5.0)}
    made = diffusers.WanImageToVideoPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts, **looking)
    return saved(made, tmp_path_factory, "published-i2v")[0]


@pytest.fixture(scope="session")
def flf2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A tiny Wan 2.1 FLF2V: a first and a last picture."""
    return animating(tmp_path_factory, "flf2v", image_dim=20, added_kv_proj_dim=48, pos_embed_seq_len=2 * 257)


@pytest.fixture(scope="session")
def other_i2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """Another I2V, of one layer and three heads."""
    return animating(tmp_path_factory, "i2v-480P", image_dim=20, added_kv_proj_dim=36, **OTHER)


@pytest.fixture(scope="session")
def other_flf2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """Another FLF2V."""
    return animating(tmp_path_factory, "flf2v-other", image_dim=20, added_kv_proj_dim=36, pos_embed_seq_len=2 * 257, **OTHER)


@pytest.fixture(scope="session")
def i2v_experts(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A tiny Wan 2.2 I2V A14B: two experts, a picture in channels of its own alone."""
    return seeing(tmp_path_factory, "i2v-a14b", **two_experts())


@pytest.fixture(scope="session")
def other_i2v_experts(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """Another."""
    return seeing(tmp_path_factory, "i2v-a14b-other", **two_experts(**OTHER))


def two_experts(**changed: object) -> dict[str, object]:
    """The parts of an I2V of two experts."""
    torch.manual_seed(0)
    networks = {name: transformer(4, in_channels=12, **changed) for name in ("transformer", "transformer_2")}
    return {"vae": vae(residual=False), "scheduler": scheduler(5.0), "boundary_ratio": 0.9, **networks}


def seeing(tmp_path_factory, name: str, **parts: object) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A pipeline that begins from a picture without an image encoder, and its folder."""
    none = {"image_encoder": None, "image_processor": None}
    made = diffusers.WanImageToVideoPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts, **none)
    return saved(made, tmp_path_factory, name)


@pytest.fixture(scope="session")
def experts(tmp_path_factory) -> tuple[Path, diffusers.WanPipeline]:
    """A tiny Wan 2.2 T2V A14B: two experts."""
    torch.manual_seed(0)
    parts = {"vae": vae(residual=False), "scheduler": scheduler(12.0), "boundary_ratio": 0.875}
    networks = {name: transformer(4) for name in ("transformer", "transformer_2")}
    made = diffusers.WanPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts, **networks)
    return saved(made, tmp_path_factory, "a14b")


@pytest.fixture(scope="session")
def skyreels(tmp_path_factory) -> tuple[Path, diffusers.SkyReelsV2DiffusionForcingPipeline]:
    """A tiny SkyReels-V2 DF 1.3B: a level for each frame, and a frame rate that is heard."""
    return forcing(tmp_path_factory, "skyreels", inject_sample_info=True)


@pytest.fixture(scope="session")
def large_skyreels(tmp_path_factory) -> tuple[Path, diffusers.SkyReelsV2DiffusionForcingPipeline]:
    """The same of 14B, which is told no rate."""
    return forcing(tmp_path_factory, "skyreels-14B", inject_sample_info=False, **OTHER)


def forcing(tmp_path_factory, name: str, **changed: object) -> tuple[Path, diffusers.SkyReelsV2DiffusionForcingPipeline]:
    """A pipeline of diffusion forcing, and its folder."""
    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 24, "num_layers": 2}
    sizes |= {"in_channels": 4, "out_channels": 4, "text_dim": 32, "freq_dim": 32, "ffn_dim": 64}
    network = shaken(diffusers.SkyReelsV2Transformer3DModel(**sizes | changed))
    parts = {"vae": vae(residual=False), "transformer": network, "scheduler": scheduler(8.0)}
    made = diffusers.SkyReelsV2DiffusionForcingPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts)
    return saved(made, tmp_path_factory, name)


@pytest.fixture(scope="session")
def ti2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A tiny Wan 2.2 TI2V that animates a picture: its tokens have level 0."""
    return seeing(tmp_path_factory, "ti2v", **small_ti2v())


@pytest.fixture(scope="session")
def other_ti2v(tmp_path_factory) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """Another."""
    return seeing(tmp_path_factory, "ti2v-other", **small_ti2v(**OTHER))


def small_ti2v(**changed: object) -> dict[str, object]:
    """The parts of a TI2V."""
    torch.manual_seed(0)
    return {"vae": vae(residual=True), "transformer": transformer(8, **changed), "scheduler": scheduler(5.0), "expand_timesteps": True}


def animating(tmp_path_factory, name: str, **changed: object) -> tuple[Path, diffusers.WanImageToVideoPipeline]:
    """A pipeline with an image encoder, and its folder."""
    torch.manual_seed(0)
    parts = {"vae": vae(residual=False), "transformer": transformer(4, in_channels=12, **changed), "scheduler": scheduler(3.0)}
    looking = {"image_encoder": clip_encoder(), "image_processor": transformers.CLIPImageProcessorPil()}
    made = diffusers.WanImageToVideoPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts, **looking)
    return saved(made, tmp_path_factory, name)


@pytest.fixture(scope="session")
def wan22(tmp_path_factory) -> tuple[Path, diffusers.WanPipeline]:
    """The same of a tiny Wan 2.2 TI2V: a level for each token, larger cells."""
    torch.manual_seed(0)
    parts = {"vae": vae(residual=True), "transformer": transformer(8), "scheduler": scheduler(5.0), "expand_timesteps": True}
    return saved(diffusers.WanPipeline(tokenizer=tokenizer(), text_encoder=text_encoder(), **parts), tmp_path_factory, "wan22")


def saved(pipeline: diffusers.DiffusionPipeline, tmp_path_factory, name: str) -> tuple[Path, diffusers.DiffusionPipeline]:
    """A pipeline and the folder that it was saved in, as those who publish weights do it: large parts in several files."""
    folder = tmp_path_factory.mktemp("open") / name
    pipeline.save_pretrained(folder, max_shard_size="100KB")
    pipeline.set_progress_bar_config(disable=True)
    return folder, pipeline


class Hub(ThreadingHTTPServer):
    """A stand-in for Hugging Face that speaks its protocol: repositories of files at one revision each, some of them gated."""

    revision = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.cut = 0  # answers with the content of a file that break off in the middle
        self.sent: list[str] = []  # what was asked for

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """One answer of the stand-in."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        hub.sent.append(f"{self.command} {path}")
        name = next((one for one in sorted(hub.repositories) if path.removeprefix("/api/models").startswith(f"/{one}")), None)
        if name is None:
            return self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        folder, rest = hub.repositories[name], path.removeprefix("/api/models").removeprefix(f"/{name}")
        gate = {"X-Error-Code": "GatedRepo"}
        if path.startswith("/api/models"):
            if (found := re.fullmatch(r"/revision/(.+)", rest)) and found[1] not in ("main", hub.revision):
                return self.reply(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            if rest.startswith("/tree/"):
                if name in hub.gated:
                    return self.reply(403, b"{}", gate)
                files = [
                    {"type": "file", "path": str(one.relative_to(folder)), "size": one.stat().st_size, "oid": oid(one)}
                    for one in files_in(folder)
                ]
                return self.reply(200, json.dumps(files).encode())
            return self.reply(200, json.dumps({"id": name, "sha": hub.revision, "siblings": []}).encode())
        file = folder / rest.split("/", 3)[3]
        if name in hub.gated:
            return self.reply(403, b"{}", gate)
        if not file.is_file():
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
        content = file.read_bytes()
        begin = int(re.match(r"bytes=(\d+)-", self.headers.get("Range") or "bytes=0-")[1])
        headers = {"X-Repo-Commit": hub.revision, "ETag": f'"{oid(file)}"', "Accept-Ranges": "bytes"}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        return self.reply(206 if begin else 200, content[begin:], headers)

    def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            if self.server.cut and len(content) > 20_000:
                self.server.cut -= 1
                content = content[: len(content) // 2]
                self.close_connection = True
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def files_in(folder: Path) -> list[Path]:
    """The files of a repository."""
    return sorted(one for one in folder.rglob("*") if one.is_file())


def oid(file: Path) -> str:
    """The name that git gives to a file's content."""
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A running stand-in for Hugging Face."""
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
