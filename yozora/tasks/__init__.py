"""Requests become canvases: one small file for each thing that can be asked, none of them with torch in sight."""
