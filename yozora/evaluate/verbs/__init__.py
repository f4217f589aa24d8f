"""The verbs suite: clips and pictures given, what a model makes of them, and measures of seams, borders, looks and times."""
