"""The grid game read from pixels, and the rules that a clip of it keeps or breaks."""
