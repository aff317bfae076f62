"""The comparison of measurements with the committed baseline or with another commit."""
