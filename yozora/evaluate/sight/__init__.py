"""What is seen in a clip's pixels: regions of one colour, their shapes, their ways over time, and the camera's move."""
