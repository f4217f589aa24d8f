"""What an arrangement of the video compression network costs, from its configuration alone."""

from yozora.vae.config import VAEConfig


def flops_per_pixel(config: VAEConfig) -> tuple[float, float]:
    """FLOP (two to a multiply-add) per pixel and frame of encoding and decoding a long clip, attention among places left out."""
    places = [1 / config.fold**2]  # latent places per pixel at each level
    for time in config.time_down:
        places.append(places[-1] / (8 if time else 4))
    straight = _conv(3, config.channels, 1) if config.straight else 0.0
    return _encoder(config, places) + straight, _decoder(config, places) + straight


def _encoder(config: VAEConfig, places: list[float]) -> float:
    widths, last = config.encoder_widths, len(places) - 1
    if not widths:
        return 0.0
    total = places[0] * _conv(3 * config.fold**2, widths[0], 27)
    for level, rate in enumerate(places):
        total += rate * _blocks(config, widths[max(level - 1, 0)], widths[level], config.blocks)
        if level < last:
            total += rate / 4 * _conv(widths[level], widths[level], 9)
            total += places[level + 1] * _conv(widths[level], widths[level], 3 * config.time_down[level])
    total += places[-1] * _middle(config, widths[-1])
    return total + places[-1] * (_conv(widths[-1], 2 * config.channels, 27) + _conv(2 * config.channels, 2 * config.channels, 1))


def _decoder(config: VAEConfig, places: list[float]) -> float:
    widths = config.decoder_widths
    total = places[-1] * (_conv(config.channels, config.channels, 1) + _conv(config.channels, widths[-1], 27))
    total += places[-1] * _middle(config, widths[-1])
    entering = widths[-1]
    for level in reversed(range(len(places))):
        total += places[level] * _blocks(config, entering, widths[level], config.blocks + 1)
        if level:
            entering = widths[level] // 2 if config.shortcut == "none" else widths[level]
            total += places[level] * _conv(widths[level], 2 * widths[level], 3 * config.time_down[level - 1])
            total += places[level - 1] * _conv(widths[level], entering, 9)
    look = _conv(3 * config.fold**2, entering, 1) if config.straight else 0.0
    return total + places[0] * (look + _conv(widths[0], 3 * config.fold**2, 27))


def _middle(config: VAEConfig, width: int) -> float:
    attention = _conv(width, 4 * width, 1) if config.attention else 0  # the projections; what attends grows with the frame
    return _blocks(config, width, width, 2) + attention


def _blocks(config: VAEConfig, inputs: int, outputs: int, count: int) -> float:
    first, second = (9 * taps for taps in config.taps)
    widening = _conv(inputs, outputs, 1) if count and inputs != outputs else 0
    entering = [inputs, *[outputs] * (count - 1)][:count]
    return widening + sum(_conv(width, outputs, first) + _conv(outputs, outputs, second) for width in entering)


def _conv(inputs: int, outputs: int, taps: int) -> float:
    return 2.0 * inputs * outputs * taps
