"""`python -m yozora` is the same as `yozora`."""

from yozora.cli import main

main()
