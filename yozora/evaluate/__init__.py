"""Videos become numbers: what is seen in a clip's pixels alone, and how that compares to what was asked."""
