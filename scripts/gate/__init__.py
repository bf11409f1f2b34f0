"""The parts of `scripts/test`: what is checked (`steps`), with what (`tools`, `packages`, `postgres`), and how it is told."""
