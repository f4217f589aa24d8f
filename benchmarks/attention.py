"""Chunked attention against torch's own on this machine: milliseconds, GFLOP/s and their ratio.

Run `python benchmarks/attention.py`; both ways see the same inputs in turn, and the fastest of some rounds counts.
The last column says which way `yozora.layers.attention.fastest` takes; where the ratio disagrees, that rule is wrong here.
"""

import time

import torch

from yozora.layers.attention import chunked_attention, fastest, torch_attention

CASES = {  # clips, tokens, keys, heads, width
    "training on stills, itself": (18, 64, 64, 4, 64),
    "training on stills, words": (18, 64, 20, 4, 64),
    "clip of 4 s, both halves of guidance": (2, 576, 576, 4, 64),
    "its words": (2, 576, 20, 4, 64),
    "longer": (1, 2304, 2304, 6, 64),
}
ROUNDS = 9


def main() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{device.type}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'case':38} {'type':9} {'pass':9} {'torch ms':>9} {'chunked ms':>10} {'GFLOP/s':>8} {'ratio':>6}  taken")
    for name, (clips, tokens, keys, heads, width) in CASES.items():
        for dtype in (torch.bfloat16, torch.float32):
            for learning in (False, True):
                query = torch.randn(clips, tokens, heads, width, device=device, dtype=dtype, requires_grad=learning)
                key, value = (torch.randn(clips, keys, heads, width, device=device, dtype=dtype, requires_grad=learning) for _ in range(2))
                seconds = measure([query, key, value], device)
                flops = 4 * clips * heads * tokens * keys * width * (3.5 if learning else 1)  # the derivative is 5 products for 2
                taken = "chunked" if fastest(query, key) is chunked_attention else "torch"
                print(
                    f"{name:38} {str(dtype)[6:]:9} {'both ways' if learning else 'forward':9} {seconds[0] * 1e3:9.2f} "
                    f"{seconds[1] * 1e3:10.2f} {flops / min(seconds) / 1e9:8.0f} {seconds[0] / seconds[1]:6.2f}  {taken}"
                )


def measure(inputs: list[torch.Tensor], device: torch.device) -> list[float]:
    """Seconds of torch's way and of the chunked way."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, way in enumerate((torch_attention, chunked_attention)):
            wait(device)
            start = time.perf_counter()
            out = way(*inputs)
            if inputs[0].requires_grad:
                torch.autograd.grad(out, inputs, out)
            wait(device)
            best[place] = min(best[place], time.perf_counter() - start)
    return best


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
