"""The pure core: it turns numbers into verdicts, without a clock, a disk or pytest."""
