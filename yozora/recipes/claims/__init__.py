"""What Sora's makers claimed, each as one command that trains or measures, and writes a page with a plot, N and intervals."""
