"""Log-linear buckets, as in HdrHistogram (Tene 2012): equal buckets within each power of two.

Small values have a bucket each. A larger value shares its bucket with values of about the same size.
"""

from __future__ import annotations


def bucket_of(value: int, bits: int) -> int:
    """Return the number of the bucket of a value, from 0; larger values have larger buckets.

    Args:
        value: not negative.
        bits: the number of leading bits by which values of different buckets differ.
    """
    shift = max(value.bit_length() - bits, 0)
    return (shift << (bits - 1)) + (value >> shift)


def middle_of(bucket: int, bits: int) -> float:
    """Return the middle of a bucket, which differs by at most the share 2 ** -bits from each value in the bucket."""
    shift = max((bucket >> (bits - 1)) - 1, 0)
    low = (bucket - (shift << (bits - 1))) << shift
    return low + ((1 << shift) - 1) / 2
